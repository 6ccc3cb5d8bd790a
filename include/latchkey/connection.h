#pragma once

#include <optional>
#include <string>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/time.h>

namespace latchkey {

/// Whether a connection works, as everybody outside the refresh protocol sees it.
enum class Standing {
    active,     ///< usable; a refresh may be under way
    uncertain,  ///< a refresh's outcome is being found out; the last access token still serves
    reauth_required,  ///< only the end user can repair it, by connecting again; `reason` says why
    quarantined,      ///< kept, but nothing is handed out until an operator has looked
    revoking,         ///< nothing is handed out; Salesforce is being told
    revoked,          ///< over; the row stays 30 days
};

/// "active", "uncertain", "reauth_required", "quarantined", "revoking", "revoked".
const char* name(Standing standing) noexcept;

/// Which user of the app is joined to which user of which Salesforce org, and whether that works.
/// It holds no token and is safe to show.
struct Connection {
    ConnectionId id;
    std::string
        end_user;  ///< the app's name for its user; opaque bytes, 1 to 200, compared bytewise
    ProviderId provider;
    Standing standing = Standing::active;
    std::string reason;    ///< empty, or one snake_case word such as "answer_lost"
    std::string org_id;    ///< 18 characters, from the identity URL
    std::string user_id;   ///< 18 characters, from the identity URL
    std::string username;  ///< may be empty: the identity service was not reachable at the connect
    std::string instance_url;  ///< origin of API calls, no closing slash
    std::vector<std::string> scopes;
    Generation generation;
    WallTime connected_at;
    std::optional<WallTime> refreshed_at;
};

}  // namespace latchkey
