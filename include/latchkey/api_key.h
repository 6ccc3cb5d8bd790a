#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <latchkey/error.h>
#include <latchkey/ids.h>
#include <latchkey/secret.h>
#include <latchkey/time.h>

namespace latchkey {

/// What a key may do. None implies another.
enum class Permission { connect, read, token, proxy, admin };
const char* name(Permission permission) noexcept;
/// errors  bad_input invalid_permission (message lists them)
Result<Permission> permission_of(std::string_view name);

/// A key that was found good.
struct Caller {
    ApiKeyId key;
    std::set<Permission> permissions;
    bool may(Permission p) const { return permissions.contains(p); }
};

/// An API key as it is shown: never its secret.
struct ApiKey {
    ApiKeyId id;
    std::string label;
    std::set<Permission> permissions;
    WallTime created_at{};
    std::optional<WallTime> revoked_at;
};

struct NewApiKey {
    ApiKey key;
    Secret secret;  ///< "lk_<id>_<secret>": the whole key, given out once and not kept
};

}  // namespace latchkey
