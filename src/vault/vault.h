#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/secret.h>

#include "base/async.h"
#include "base/clock.h"
#include "base/random.h"
#include "crypto/key_ring.h"
#include "store/journal.h"
#include "store/store.h"

namespace latchkey {

/// A grant, opened. Lives only between the vault and the token endpoint or an API call.
struct Grant {
    GrantRow row;
    std::optional<Secret> refresh_token;  ///< absent: cannot be renewed without the user
    Secret access_token;
    Grant() = default;
};

/// One noted attempt to spend one refresh token. Whoever holds it is the only one in the world that
/// may send this token.
struct Claim {
    Grant grant;  ///< as it was claimed; row.attempt is this attempt
    Claim() = default;
};

/// Tokens that an answer brought.
struct FreshTokens {
    Secret access_token;                  ///< empty only if salvage found a refresh token alone
    std::optional<Secret> refresh_token;  ///< absent, or the one that was sent: not rotated
    std::string instance_url;             ///< empty: unchanged
    std::vector<std::string> scopes;      ///< empty: unchanged
    WallTime received_at{};
    std::optional<WallTime> expires_at;
    std::string quarantine;  ///< not empty: keep, but hand nothing out
    bool confirmed = true;   ///< false: salvaged or recovered from the journal
    FreshTokens() = default;
};

/// A journal record, opened.
struct NotedAnswer {
    JournalRecord record;    ///< without its sealed bytes
    std::string unreadable;  ///< why it does not open: corrupt, key_unavailable
    Secret packed;           ///< what was noted; empty if it does not open (key missing, damage):
                             ///< then it is kept and reported, and blocks nothing else
    NotedAnswer() = default;
};

/// Tokens, codes and verifiers go in readable and come out readable; the store never sees them so.
/// Each sealed value is bound to installation, tenant, table, column, connection, epoch and the
/// generation it belongs to: moved anywhere else it does not open. A value that does not open is
/// error internal `corrupt`; the caller quarantines that one connection.
///
/// Thin over the ports: each method is one store call (a few for keep and promote), and gives the
/// port's errors through.
class Vault {
public:
    /// All must outlive this object.
    Vault(Store& store, Journal& journal, const KeyRing& keys, std::string installation,
          Random& random, Clock& clock);

    /// errors  not_found connection_not_found · internal corrupt
    Task<Grant> open(ConnectionId connection, Deadline by);
    Task<Grant> open(GrantKey key, Deadline by);

    /// GrantStore::claim with a fresh attempt id, in the name of the journal's node.
    /// errors  conflict claim_conflict · outcome_unknown: do not send
    Task<Claim> claim(Grant seen, Deadline by);

    /// Journals an answer before it is parsed. returns the record's number
    Task<std::int64_t> note(Claim claim, Secret packed_answer, Deadline by);
    /// The same for a code exchange whose candidate will be `key`.
    Task<std::int64_t> note_exchange(GrantKey key, FlowId flow, Secret packed_answer, Deadline by);
    Task<std::vector<NotedAnswer>> noted(std::int64_t after, std::size_t limit, Deadline by);

    /// Stores what an answer brought (rotated or access_only) and returns the grant as stored. Where
    /// another writer has advanced the access generation alone, seals anew and repeats, at most 8
    /// times.
    /// errors  conflict settle_conflict: the refresh token has moved on, or the epoch has
    Task<Grant> keep(Claim claim, FreshTokens fresh, Deadline by);
    /// The other outcomes: not_consumed, unknown, dead.
    Task<GrantRow> settle(Claim claim, Settlement::Kind kind, std::string reason, Deadline by);
    /// A journalled answer for a row that has not got it: applies it unconfirmed (UNCERTAIN).
    /// returns the row; errors  conflict settle_conflict: the row is at that generation or beyond
    Task<GrantRow> apply_noted(NotedAnswer noted, FreshTokens fresh, Deadline by);

    /// Stores a new grant as candidate. `facts` has key, provider, login_url and what is known of
    /// org and user. errors  conflict epoch_conflict
    Task<void> keep_candidate(GrantRow facts, FreshTokens fresh, Deadline by);
    /// Makes a candidate current; seals its access token for the generation it gets.
    /// errors  conflict superseded
    Task<Connection> promote(GrantKey candidate, Connection facts, Deadline by);

    /// What a flow keeps: its verifier and its accepted callback.
    Result<Sealed> seal_for_flow(const FlowId& flow, std::string_view column, const Secret& value);
    Result<Secret> open_for_flow(const FlowId& flow, std::string_view column, const Sealed& value);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace latchkey
