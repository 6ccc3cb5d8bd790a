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

/// What a store's keys are, as far as they were read.
struct TakenUp {
    std::string newest;   ///< of all
    std::string sealing;  ///< the newest that is in use; empty: none
};

/// Adds to the ring what it does not read yet. Which key seals is left to the caller.
/// errors   misconfigured wrong_master_key: at least one key does not open; the others are read
///          internal sealing_key_differs: the ring has another key under the id of one of these, so
///          this process and the store must not seal together
Result<TakenUp> take_up(KeyRing& ring, const std::vector<SealedKey>& kept, const MasterKey& master,
                        const std::string& installation);

/// A new key, announced and sealed under the master key. Its id is random: one that a fail-over
/// makes the store forget must not come back as another key's.
SealedKey next_key(const MasterKey& master, const std::string& installation, Random& random,
                   Clock& clock);

/// The same keys, sealed under another master key.
/// errors  misconfigured wrong_master_key: `former` does not open all of them
Result<std::vector<SealedKey>> wrapped_anew(std::vector<SealedKey> kept, const MasterKey& former,
                                            const MasterKey& next, const std::string& installation,
                                            Random& random);

}  // namespace latchkey
