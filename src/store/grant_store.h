#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "model/grant.h"

namespace latchkey {

/// What came out of one attempt. `grant_generation` and `generation` are what the attempt saw; the
/// sealed tokens inside are bound to their successors, so they fit no other row.
struct Settlement {
    enum class Kind {
        rotated,       ///< a new refresh token: consumed
        access_only,   ///< a new access token, no refresh token: rotation is off, nothing consumed
        not_consumed,  ///< the server, or we before sending, left the token alone
        unknown,       ///< nobody knows
        dead,          ///< the server said that the grant is over
    };
    Kind kind = Kind::unknown;
    GrantKey key;
    GrantGeneration grant_generation;
    Generation generation;
    AttemptId attempt;
    /// The row's timeline when the attempt was claimed; empty: not told. A row of a later one is
    /// another consent's that has the same epoch, because the database forgot the first, or was
    /// confirmed since: tokens of the attempt do not fit it.
    Timeline claimed_on;
    std::optional<Sealed> refresh_token;  ///< rotated: bound to (epoch, grant_generation + 1)
    std::optional<Sealed> access_token;  ///< rotated, access_only: bound to (epoch, generation + 1)
    std::string instance_url;            ///< empty: keep the row's
    std::vector<std::string> scopes;     ///< empty: keep the row's
    WallTime received_at{};
    std::optional<WallTime> expires_at;
    std::string quarantine;  ///< not empty: the row is quarantined with this
    std::string reason;      ///< stored with not_consumed, unknown, dead
    bool confirmed = true;   ///< false: salvaged or recovered, so never ACTIVE
};

/// The reason of a row whose refresh token is being, or has been, presented a second time on
/// purpose. It is stored before that second use leaves; such a row is in doubt also while it is
/// IN_FLIGHT.
inline constexpr const char* second_use_reason = "second_use";
/// The reason of an UNCERTAIN row that has had no accident of its own: the database's history has
/// changed, so Salesforce is asked about its refresh token before that is used.
inline constexpr const char* suspect_reason = "suspect";

/// A change of state that is not an attempt's result. It fits only a row that shows all of
/// `key`, `grant_generation`, `from`, `attempt` and `resolver`.
struct Move {
    GrantKey key;
    GrantGeneration grant_generation;
    State from = State::uncertain;
    AttemptId attempt;    ///< the row's attempt as last read; may be empty
    ResolverId resolver;  ///< likewise; empty for every row that is not UNCERTAIN
    State to = State::active;
    std::string reason;
    /// A resolution: the server has told about this token. The present timeline as it was read before
    /// the server was asked; on any other the move does not fit, for the row that it meets there may
    /// be older than what the server said.
    std::optional<Timeline> confirmed_on;
};

/// One node's wish to be the one that finds out about an UNCERTAIN row. It fits only a row that
/// shows all of `key`, `grant_generation`, `attempt` and `seen`.
struct Resolving {
    GrantKey key;
    GrantGeneration grant_generation;
    AttemptId attempt;
    ResolverId seen;  ///< as last read; empty: nobody yet
    ResolverId mine;
};

/// Which grants are to be refreshed although nobody asks: those whose access token is from before
/// `received_before`, and those whose access token ends before `expires_before`.
struct DueBy {
    std::optional<WallTime> received_before;
    std::optional<WallTime> expires_before;
};

/// Rows of grants, their states and claims, without any understanding of their tokens. Each call is
/// one short transaction, durable before it returns. Errors besides Store's are named below.
class GrantStore {
public:
    virtual ~GrantStore() = default;

    /// Identity of this database's history: a row confirmed on another one is suspect. It ends with
    /// the incarnation number, behind a point where there is more (timeline_order.h).
    virtual Task<Timeline> timeline(Deadline by) = 0;
    /// A backup was put back: raises the incarnation above its own and above `above` (the highest
    /// that a journal knows), so that every row is suspect from now on. returns  the new timeline
    virtual Task<Timeline> mark_restored(std::int64_t above, Deadline by) = 0;

    /// The connection's current grant. errors  not_found connection_not_found
    virtual Task<GrantRow> find(ConnectionId connection, Deadline by) = 0;
    /// One grant, whatever its role. errors  not_found grant_not_found
    virtual Task<GrantRow> find(GrantKey key, Deadline by) = 0;

    /// Notes durably that generation `seen` of an ACTIVE, current row on the present timeline is
    /// about to be spent. The row as it is after.
    /// errors  conflict  claim_conflict: another state, generation, epoch or timeline
    virtual Task<GrantRow> claim(GrantKey key, GrantGeneration seen, AttemptId attempt, NodeId node,
                                 Deadline by) = 0;

    /// Writes what came out, if the row's epoch and generations still are what the attempt saw; the
    /// access generation counts only where an access token is brought. An unconfirmed answer also
    /// fits a row of lower generations, which was put back: it is brought forward to the answer's.
    /// Decides inside the statement:
    ///   rotated       tokens stored, both generations + 1 (a salvaged answer without an access
    ///                 token leaves `generation` alone). ACTIVE if the row shows this attempt,
    ///                 IN_FLIGHT, on the present timeline, and `confirmed`; REVOKING and REVOKED
    ///                 become REVOKING; otherwise UNCERTAIN
    ///   access_only   generation + 1; ACTIVE under the same conditions (UNCERTAIN of this attempt
    ///                 counts as in flight), else the state stays
    ///   not_consumed  only IN_FLIGHT with this attempt -> ACTIVE
    ///   unknown       only IN_FLIGHT with this attempt -> UNCERTAIN
    ///   dead          IN_FLIGHT or UNCERTAIN, this attempt -> REAUTH_REQUIRED
    /// A quarantine is set, never cleared. Repeating a settlement that was stored returns the row.
    /// errors  conflict  settle_conflict: the row has moved on; read it and decide again
    virtual Task<GrantRow> settle(Settlement outcome, Deadline by) = 0;

    /// errors  conflict  move_conflict
    virtual Task<GrantRow> move(Move change, Deadline by) = 0;

    /// Notes who is finding out about an UNCERTAIN row, if it still shows who was noted before. The
    /// note goes when the row leaves the state or is brought a newer refresh token, so a verdict
    /// (`move`) of one who was replaced in the meantime does not fit. Safe to repeat.
    /// errors  conflict  resolver_conflict
    virtual Task<GrantRow> take_resolution(Resolving wish, Deadline by) = 0;

    /// Sets or, with an empty reason, clears the quarantine of a connection's current grant.
    /// errors  not_found connection_not_found
    virtual Task<GrantRow> quarantine(ConnectionId connection, std::string reason, Deadline by) = 0;

    /// Stores a new grant as candidate, on the present timeline. Its epoch must be free and higher
    /// than every other of the connection; for a new connection it is 1.
    /// errors  conflict epoch_conflict
    virtual Task<void> add_candidate(GrantRow candidate, Deadline by) = 0;
    /// The highest epoch of a connection; 0 if there is none.
    virtual Task<Epoch> last_epoch(ConnectionId connection, Deadline by) = 0;

    /// In one transaction: makes the candidate current with the generation `seen` + 1, writes the
    /// connection's plain columns, and turns the grant that was current into a former one in
    /// REVOKING (REVOKED stays). `access_token` is bound to (epoch, seen + 1). `seen` is 0 for a
    /// first connect. Host, org, user and scopes of `facts` that are not empty go into the grant.
    /// errors  conflict  promote_conflict: the current generation is not `seen`; seal again
    ///                   superseded: a grant of a higher epoch is current already, or this one was
    ///                   refused
    ///         not_found grant_not_found
    virtual Task<Connection> promote(GrantKey candidate, Connection facts, Generation seen,
                                     Sealed access_token, Deadline by) = 0;

    /// A candidate that failed its checks becomes former and REVOKING, with the reason. Safe to
    /// repeat.
    /// errors  not_found grant_not_found · conflict move_conflict: it is in use
    virtual Task<void> refuse_candidate(GrantKey candidate, std::string reason, Deadline by) = 0;

    /// The current grant of a connection becomes REVOKING, whatever its state; REVOKED stays.
    /// errors  not_found connection_not_found
    virtual Task<GrantRow> begin_revocation(ConnectionId connection, Deadline by) = 0;

    /// Grants in a state, of every role, by (connection, epoch) after `after`, at most 500.
    virtual Task<std::vector<GrantRow>> in_state(State state, GrantKey after, std::size_t limit,
                                                 Deadline by) = 0;

    /// Current, ACTIVE grants with a refresh token and without quarantine that are due, by
    /// (connection, epoch) after `after`, at most 500.
    virtual Task<std::vector<GrantRow>> due(DueBy when, GrantKey after, std::size_t limit,
                                            Deadline by) = 0;
    /// Of the same grants those that were confirmed on another timeline than the present one, in the
    /// same order. Reads all of them: not for every second.
    virtual Task<std::vector<GrantRow>> suspects(GrantKey after, std::size_t limit,
                                                 Deadline by) = 0;

    /// Removes connections that have been REVOKED since before `before`, and former grants likewise;
    /// a connection stays while any other grant of it does. returns the number of grants removed
    virtual Task<std::size_t> forget_revoked(WallTime before, Deadline by) = 0;
};

}  // namespace latchkey
