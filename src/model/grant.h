#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/connection.h>
#include <latchkey/ids.h>
#include <latchkey/time.h>

namespace latchkey {

/// Stored state of a grant; src/refresh/README.md has the diagram.
enum class State { active, in_flight, uncertain, reauth_required, revoking, revoked };

/// "ACTIVE", "IN_FLIGHT", ... as the store holds them.
const char* name(State state) noexcept;
/// nullopt for a word that is none of them.
std::optional<State> state_of(std::string_view name);

/// What outsiders see: a quarantine wins; a refresh under way is active.
Standing standing_of(State state, const std::string& quarantine) noexcept;

/// Bytes that only the vault can open.
struct Sealed {
    std::string bytes;
    Sealed() = default;
    explicit Sealed(std::string b) : bytes(std::move(b)) {}
    bool operator==(const Sealed&) const = default;
};

/// One grant of one connection: what one consent of a user produced.
struct GrantKey {
    ConnectionId connection;
    Epoch epoch;
    GrantKey() = default;
    GrantKey(ConnectionId c, Epoch e) : connection(std::move(c)), epoch(e) {}
    bool operator==(const GrantKey&) const = default;
};

/// Where a grant stands among its connection's grants.
enum class Role {
    candidate,  ///< stored, not yet checked: nothing is handed out
    current,    ///< the one in use; at most one a connection
    former,     ///< replaced or refused; on its way to be revoked
};

/// A grant as the store keeps it. Tokens are sealed; everything else is plain and safe to log.
struct GrantRow {
    GrantKey key;
    Role role = Role::candidate;
    State state = State::active;
    std::string quarantine;  ///< empty, or host_rejected, identity_changed, corrupt, operator, ...
    std::string reason;      ///< empty, or why the state is what it is: one snake_case word
    GrantGeneration grant_generation{1};
    Generation generation{1};
    AttemptId attempt;  ///< the latest claim; empty before the first
    NodeId attempt_node;
    ResolverId resolver;  ///< who is finding out; empty in every state but UNCERTAIN
    Timeline timeline;    ///< set when the grant is created and by a resolution only
    std::optional<Sealed> refresh_token;
    std::optional<Sealed> access_token;
    ProviderId provider;
    std::string login_url;  ///< where this grant was given; token requests go there
    std::string instance_url;
    std::string org_id;
    std::string user_id;
    std::vector<std::string> scopes;
    WallTime access_received_at{};
    std::optional<WallTime> access_expires_at;
    bool rotation_seen = false;  ///< this grant's server has sent a new refresh token at least once
};

}  // namespace latchkey
