#pragma once

#include <optional>
#include <string>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/time.h>

#include "base/async.h"

namespace latchkey {

/// An API key as it is kept: the secret only as a keyed hash.
struct ApiKeyRow {
    ApiKeyId id;
    std::string secret_hash;  ///< keyed with a key that is not in the store
    std::string label;        ///< at most 100 bytes
    std::vector<std::string> permissions;
    WallTime created_at{};
    std::optional<WallTime> revoked_at;
    std::string rules;  ///< printable ASCII, at most 32 KiB; empty: none. Another room reads it
};

class ApiKeyStore {
public:
    virtual ~ApiKeyStore() = default;
    /// errors  conflict api_key_exists
    virtual Task<void> insert(ApiKeyRow key, Deadline by) = 0;
    /// errors  not_found api_key_not_found
    virtual Task<ApiKeyRow> find(ApiKeyId id, Deadline by) = 0;
    /// Oldest first, at most 1,000.
    virtual Task<std::vector<ApiKeyRow>> all(Deadline by) = 0;
    /// Safe to repeat. errors  not_found api_key_not_found
    virtual Task<void> revoke(ApiKeyId id, WallTime at, Deadline by) = 0;
};

}  // namespace latchkey
