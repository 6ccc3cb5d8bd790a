#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <latchkey/time.h>

#include "emulator/bounded.h"
#include "emulator/clients.h"

namespace latchkey::emulator {

/// What one approval of one user for one app gave: a family of refresh tokens, of which exactly one
/// is current, and the sessions opened with them.
struct Grant {
    std::string id;  ///< "grant-1", in the order of the approvals
    std::string client_id;
    std::string user_id;
    std::vector<std::string> scopes;
    WallTime approved_at{};
    WallTime last_used{};       ///< of the refresh token, for idle limits
    std::string refresh_token;  ///< the current one; empty if none was granted
    std::uint64_t generation = 1;
    std::string moved_to;  ///< origin of the instance since it moved; empty before
    bool alive = true;
    std::set<std::string> sessions;  ///< access tokens

    bool has_scope(std::string_view scope) const;
    std::string scope_text() const;  ///< separated by blanks
};

/// One access token that works. Those that do not any more are forgotten.
struct Session {
    std::string token;
    std::string grant;
    std::string origin;  ///< where it was issued; its identity URL stands there
    WallTime issued_at{};
    WallTime written_at{};  ///< last activity that was noted down
    std::chrono::seconds timeout{0};
    bool sliding = true;
    bool half_window_update = false;

    WallTime expires_at() const { return written_at + timeout; }
};

/// Every grant and session of the org. A plain state machine: nothing here waits, reads a clock or
/// draws a token. References stay valid until the grant or session goes, and are never to be kept
/// over an await.
///
/// limits  250,000 grants, 1,000,000 sessions, 1,000,000 spent tokens; the oldest are forgotten
class Grants {
public:
    Grants();

    /// Opens a grant. `refresh_token` may be empty. A user has at most `max_approvals` grants with
    /// a refresh token per app: the oldest ones beyond that are revoked and returned in `evicted`.
    Grant& open(Grant grant, std::size_t max_approvals, std::vector<std::string>& evicted);

    enum class Standing { unknown, current, spent, revoked };
    struct Found {
        Standing standing = Standing::unknown;
        Grant* grant = nullptr;
    };
    Found find_refresh(const std::string& token);
    Grant* find(const std::string& id) { return grants_.find(id); }

    /// Spends the current refresh token and puts `next` in its place.
    void rotate(Grant& grant, std::string next);
    /// Ends the grant, its refresh token and its sessions. False if it had ended before.
    bool revoke(Grant& grant);
    std::vector<Grant*> living(const std::string& client_id, const std::string& user_id);

    Session& add_session(Session session);
    /// nullptr if the token is unknown, ended or past its time. Looking does not put its end off.
    Session* session(const std::string& token, WallTime now);
    /// The same, noted as use.
    Session* use_session(const std::string& token, WallTime now);
    void end_session(const std::string& token);
    void end_sessions(Grant& grant);
    /// Ends every session there is and returns how many there were.
    std::size_t end_all_sessions();

    /// Grows with every change that a restart must not forget.
    std::uint64_t changes() const { return changes_; }
    const Bounded<Grant>& all() const { return grants_; }

    struct Snapshot {
        std::uint64_t opened = 0;
        std::vector<Grant> grants;
        std::vector<Session> sessions;
        std::vector<std::pair<std::string, std::string>> spent;  ///< token, grant; oldest first
    };
    Snapshot snapshot() const;
    void restore(Snapshot kept);

private:
    using Pair = std::pair<std::string, std::string>;  ///< client, user
    void forget_oldest();

    Bounded<Grant> grants_;
    Bounded<Session> sessions_;
    Bounded<std::string> spent_;                            ///< token to grant
    std::unordered_map<std::string, std::string> current_;  ///< token to grant
    std::map<Pair, std::vector<std::string>> by_pair_;      ///< living grants, oldest first
    std::uint64_t opened_ = 0;
    std::uint64_t changes_ = 0;
};

/// When a refresh token ends by its app's policy; nullopt if nothing but revocation ends it.
std::optional<WallTime> refresh_expiry(const Grant& grant, const RefreshPolicy& policy);

}  // namespace latchkey::emulator
