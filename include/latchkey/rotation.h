#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/provider.h>

namespace latchkey {

/// One refresh token, presented once, and what came back.
struct TokenTrial {
    bool accepted = false;    ///< an access token came
    int status = 0;           ///< 0: no answer
    std::string error;        ///< such as "invalid_grant"; empty if accepted
    std::string description;  ///< the server's words, at most 256 printable bytes
};

/// What became of a grant. `unknown`: no clear answer came, or it was not looked at.
enum class GrantFate { unknown, lives, ended };
/// "unknown", "lives", "ended".
const char* name(GrantFate fate) noexcept;

/// Whether introspection can be asked what became of a refresh token.
enum class IntrospectionFinding {
    truthful,  ///< it tells a spent token from one that is alive, at once, and does no harm
    wrong,     ///< it says something else than what is true
    refused,   ///< this client may not ask
    unclear,   ///< no clear answer came
};
/// "truthful", "wrong", "refused", "unclear".
const char* name(IntrospectionFinding finding) noexcept;

/// What an org really does with refresh tokens. What was not tried is absent or unknown.
struct RotationReport {
    std::string org_id;
    std::string user_id;
    bool rotates = false;  ///< a refresh brings a new refresh token. Without it nothing is spent
    bool tells_expiry = false;  ///< an answer says when its access token ends
    IntrospectionFinding introspection = IntrospectionFinding::unclear;

    /// A spent token, presented again right after it was spent. Accepted means that there is a time
    /// of grace; then it was presented once more `later` after it was spent.
    std::optional<TokenTrial> spent_at_once;
    std::optional<TokenTrial> spent_later;
    std::chrono::seconds later{0};
    GrantFate after_spent = GrantFate::unknown;         ///< the grant that it belonged to
    GrantFate others_after_spent = GrantFate::unknown;  ///< another one of the same user and app

    /// One token, presented twice at the same time, by order of the answers' requests.
    std::vector<TokenTrial> two_at_once;
    GrantFate after_two = GrantFate::unknown;

    std::optional<int> approvals;  ///< how many grants of one user and app live side by side
    int grants_made = 0;
    int grants_revoked = 0;  ///< by this; others had ended before. Together they should be all
    int grants_ended = 0;
    RotationReport() = default;
};

/// How to find out.
struct RotationProbe {
    /// Its redirect_uri is on this machine: the logins come back to this process.
    Provider provider;
    std::string ca_file;             ///< as Options::ca_file
    std::string login_hint;          ///< prefills the user name; may be empty
    std::chrono::seconds wait{120};  ///< for the person, at each login
    std::chrono::seconds grace{60};  ///< when a token that was accepted though spent is tried again
    /// Logs in until the oldest grant ends: some five logins more.
    bool count_approvals = false;

    /// Shows the person where to log in; `login` counts from 1. Must return soon.
    std::function<void(const std::string& authorize_url, int login)> show;
    /// Whether anybody keeps a connection of this Salesforce user. Asked before anything is spent:
    /// what is found out here may end every grant that the user gave the app.
    std::function<Result<bool>(const std::string& org_id, const std::string& user_id)> is_connected;
    /// What is going on, for a person who waits; may be empty.
    std::function<void(const std::string& text)> tell;
    RotationProbe() = default;
};

/// Makes grants for the purpose, spends their refresh tokens in ways that the refresh protocol
/// never does, writes down what the org makes of it, and revokes what is left. Two or three logins
/// of one person. Nothing is stored, and no connection's grant is touched. Blocks for as long as the
/// person takes, and some seconds.
///
/// errors  bad_input      show_missing, is_connected_missing
///         conflict       user_is_connected: somebody keeps a connection of this Salesforce user;
///                        its new grant was revoked, nothing else was done
///                        another_user: a later login was somebody else's
///         those of a login (Latchkey::login) and of the first refresh
Result<RotationReport> probe_rotation(RotationProbe probe);

}  // namespace latchkey
