#pragma once

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

}  // namespace latchkey
