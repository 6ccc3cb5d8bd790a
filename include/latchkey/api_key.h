#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <latchkey/error.h>
#include <latchkey/ids.h>
#include <latchkey/key_rules.h>
#include <latchkey/secret.h>
#include <latchkey/time.h>

namespace latchkey {

/// What a key may do. None implies another.
enum class Permission { connect, read, token, proxy, admin };
const char* name(Permission permission) noexcept;
/// errors  bad_input invalid_permission (message lists them)
Result<Permission> permission_of(std::string_view name);

class KeyGate;  // rules and counters of a key, shared by all who serve it; not for use

/// A key that was found good.
struct Caller {
    ApiKeyId key;
    std::set<Permission> permissions;
    std::shared_ptr<KeyGate> gate;  ///< null: a key without rules and limits
    bool may(Permission p) const { return permissions.contains(p); }
};

/// An API key as it is shown: never its secret.
struct ApiKey {
    ApiKeyId id;
    std::string label;
    std::set<Permission> permissions;
    KeyRules rules;
    WallTime created_at{};
    std::optional<WallTime> revoked_at;
};

/// What a new key is to be.
struct ApiKeyWish {
    std::string label;                 ///< at most 100 bytes
    std::set<Permission> permissions;  ///< empty: proxy alone
    /// With rules on paths a key may connect, read and proxy alone: a token that it was handed would
    /// open every path, and an admin makes keys without rules.
    KeyRules rules;
    ApiKeyWish() = default;
    ApiKeyWish(std::string what_for, std::set<Permission> may)
        : label(std::move(what_for)), permissions(std::move(may)) {}
};

struct NewApiKey {
    ApiKey key;
    Secret secret;  ///< "lk_<id>_<secret>": the whole key, given out once and not kept
};

}  // namespace latchkey
