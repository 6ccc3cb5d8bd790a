#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <latchkey/error.h>

namespace latchkey::service {

/// What the gateway answers itself among the paths that belong to Salesforce.
enum class OwnPath {
    none,
    token,      ///< /services/oauth2/token
    userinfo,   ///< /services/oauth2/userinfo
    revoke,     ///< /services/oauth2/revoke
    identity,   ///< /id/ORG/USER
    resources,  ///< .../services/data/vN.N, whose answer leads SDKs to the identity service
};

/// A target as SDKs mean it that keep a closing slash of the instance URL: without the first of two
/// slashes at its beginning.
std::string_view folded(std::string_view target);

/// Whether a target is Salesforce's at this origin's root: /services/..., /id/..., and the login and
/// setup pages, in upper or lower case, so that all of those are refused in one place.
bool at_root(std::string_view target);

/// Of a target of the root, or of one that begins with /proxy/{connection}: then only `resources`.
/// Bytes are compared as they are; another spelling is another path.
OwnPath own_path(std::string_view target);

/// The gateway session's token in a request's lines: one Authorization with Bearer or OAuth, or one
/// X-SFDC-Session, as the Bulk API's first version has it; of both, if they say the same.
class SessionLines {
public:
    void see(std::string_view name, std::string_view value);
    /// A view into the lines. errors  denied invalid_session
    Result<std::string_view> token() const;

private:
    std::optional<std::string_view> token_;
    bool bad_ = false;
};

Error invalid_session();

/// A list of resources with its link to the identity service led to ours; nullopt if it is none.
std::optional<std::string> with_own_identity(std::string_view body, std::string_view origin);

}  // namespace latchkey::service
