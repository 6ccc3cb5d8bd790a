#pragma once

#include <string>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/random.h"
#include "crypto/key_ring.h"
#include "crypto/master_key.h"
#include "store/key_store.h"

namespace latchkey {

/// Opens the installation's sealing keys with the master key. Makes and stores the first key if the
/// store is new and holds nothing; in any other case it writes nothing. All references must outlive
/// the call.
///
/// errors  misconfigured  wrong_master_key: any key does not open; also with the keys of another
///                        installation
///                        key_ring_missing: there is old data, but no key; a new key would hide it
Task<KeyRing> load_key_ring(KeyStore& store, const MasterKey& master, Random& random, Clock& clock,
                            Deadline by);

/// Adds to the ring what it does not read yet, and lets the newest key that is in use seal.
/// returns  the id of the newest key that the ring reads now
/// errors   misconfigured wrong_master_key: at least one key does not open; the others are read
Result<std::string> take_up(KeyRing& ring, const std::vector<SealedKey>& kept,
                            const MasterKey& master, const std::string& installation);

/// A new key, sealed under the master key, with the id after the newest of `kept`.
SealedKey next_key(const std::vector<SealedKey>& kept, const MasterKey& master,
                   const std::string& installation, Random& random, Clock& clock);

/// The same keys, sealed under another master key.
/// errors  misconfigured wrong_master_key: `former` does not open all of them
Result<std::vector<SealedKey>> wrapped_anew(std::vector<SealedKey> kept, const MasterKey& former,
                                            const MasterKey& next, const std::string& installation,
                                            Random& random);

}  // namespace latchkey
