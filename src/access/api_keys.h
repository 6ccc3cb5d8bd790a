#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/api_key.h>
#include <latchkey/ids.h>
#include <latchkey/secret.h>

#include "access/key_gate.h"
#include "base/async.h"
#include "base/clock.h"
#include "base/random.h"
#include "crypto/key_ring.h"
#include "store/api_key_store.h"

namespace latchkey {

struct CreatedKey {
    ApiKeyRow row;
    Secret key;  ///< "lk_<id>_<secret>", shown once and not kept
};

/// API keys "lk_<id>_<secret>": id 12 characters of [a-z0-9], secret 43 of base64url. Only a keyed
/// hash is stored, so a copy of the store opens nothing.
class ApiKeys {
public:
    ApiKeys(ApiKeyStore& store, const KeyRing& keys, Random& random, Clock& clock);

    /// Permissions default to proxy alone.
    /// errors  bad_input  invalid_label, invalid_rule, invalid_key_limit
    Task<CreatedKey> create(ApiKeyWish wish, Deadline by);
    Task<std::vector<ApiKeyRow>> list(Deadline by);
    /// Refused from then on, also on open connections. errors  not_found api_key_not_found
    Task<void> revoke(ApiKeyId id, Deadline by);

    /// Missing, malformed, unknown and revoked keys give the same error after the same work.
    /// Good keys are remembered for at most 1 s, so a revocation counts within that time.
    /// A good key whose rules cannot be read is refused as well: nobody knows what it may do.
    /// errors  denied invalid_api_key, key_rules_unreadable
    Task<Caller> check(Secret presented, Deadline by);

    /// What all keys of this node count with. Lives as long as this object.
    KeyGates& gates();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace latchkey
