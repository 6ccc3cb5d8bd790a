#include <algorithm>

#include "store/grant_rules.h"
#include "store/memory/memory_state.h"

namespace latchkey::memory {
namespace {

class Grants final : public GrantStore {
public:
    explicit Grants(Contents& state) : state_(state) {}

    Task<Timeline> timeline(Deadline by) override {
        return gate<Timeline>(&state_, "grants.timeline", by,
                              [this]() -> Result<Timeline> { return state_.timeline(); });
    }

    Task<Timeline> mark_restored(std::int64_t above, Deadline by) override {
        return gate<Timeline>(&state_, "grants.mark_restored", by,
                              [this, above]() -> Result<Timeline> {
                                  auto& incarnation = state_.installation.incarnation;
                                  incarnation = std::max(incarnation, above) + 1;
                                  return state_.timeline();
                              });
    }

    Task<GrantRow> find(ConnectionId connection, Deadline by) override {
        return gate<GrantRow>(&state_, "grants.find", by, [this, connection]() -> Result<GrantRow> {
            const auto* kept = state_.current(connection);
            if (kept == nullptr) return store_error::no_connection();
            return kept->row;
        });
    }

    Task<GrantRow> find(GrantKey key, Deadline by) override {
        return gate<GrantRow>(&state_, "grants.find", by, [this, key]() -> Result<GrantRow> {
            const auto* kept = state_.grant(key);
            if (kept == nullptr) return store_error::no_grant();
            return kept->row;
        });
    }

    Task<GrantRow> claim(GrantKey key, GrantGeneration seen, AttemptId attempt, NodeId node,
                         Deadline by) override {
        return gate<GrantRow>(
            &state_, "grants.claim", by, [this, key, seen, attempt, node]() -> Result<GrantRow> {
                auto* kept = state_.grant(key);
                if (kept == nullptr) return store_error::claim_conflict();
                return keep(*kept,
                            grant_rules::claim(kept->row, seen, attempt, node, state_.timeline()));
            });
    }

    Task<GrantRow> settle(Settlement outcome, Deadline by) override {
        return gate<GrantRow>(&state_, "grants.settle", by, [this, outcome]() -> Result<GrantRow> {
            auto* kept = state_.grant(outcome.key);
            if (kept == nullptr) return store_error::settle_conflict();
            auto next = keep(*kept, grant_rules::settle(kept->row, outcome, state_.timeline()));
            if (next && grant_rules::brings_tokens(outcome) && next->role == Role::current)
                state_.connections[outcome.key.connection.text].refreshed_at = outcome.received_at;
            return next;
        });
    }

    Task<GrantRow> move(Move change, Deadline by) override {
        return gate<GrantRow>(&state_, "grants.move", by, [this, change]() -> Result<GrantRow> {
            auto* kept = state_.grant(change.key);
            if (kept == nullptr) return store_error::move_conflict();
            return keep(*kept, grant_rules::move(kept->row, change, state_.timeline()));
        });
    }

    Task<GrantRow> take_resolution(Resolving wish, Deadline by) override {
        return gate<GrantRow>(&state_, "grants.take_resolution", by,
                              [this, wish]() -> Result<GrantRow> {
                                  auto* kept = state_.grant(wish.key);
                                  if (kept == nullptr) return store_error::resolver_conflict();
                                  return keep(*kept, grant_rules::take_resolution(kept->row, wish));
                              });
    }

    Task<GrantRow> quarantine(ConnectionId connection, std::string reason, Deadline by) override {
        return gate<GrantRow>(&state_, "grants.quarantine", by,
                              [this, connection, reason]() -> Result<GrantRow> {
                                  auto* kept = state_.current(connection);
                                  if (kept == nullptr) return store_error::no_connection();
                                  auto next = kept->row;
                                  next.quarantine = reason;
                                  return keep(*kept, std::move(next));
                              });
    }

    Task<void> add_candidate(GrantRow candidate, Deadline by) override {
        return gate<void>(
            &state_, "grants.add_candidate", by, [this, candidate]() mutable -> Result<void> {
                const auto last = highest(candidate.key.connection);
                const bool fits =
                    last.value == 0 ? candidate.key.epoch == Epoch{1} : candidate.key.epoch > last;
                if (!fits) return store_error::epoch_conflict();
                candidate.role = Role::candidate;
                candidate.timeline = state_.timeline();
                auto& kept =
                    state_.grants[{candidate.key.connection.text, candidate.key.epoch.value}];
                state_.write(kept, std::move(candidate));
                return {};
            });
    }

    Task<Epoch> last_epoch(ConnectionId connection, Deadline by) override {
        return gate<Epoch>(&state_, "grants.last_epoch", by,
                           [this, connection]() -> Result<Epoch> { return highest(connection); });
    }

    Task<Connection> promote(GrantKey candidate, Connection facts, Generation seen,
                             Sealed access_token, Deadline by) override {
        return gate<Connection>(
            &state_, "grants.promote", by,
            [this, candidate, facts, seen, access_token]() -> Result<Connection> {
                auto* kept = state_.grant(candidate);
                if (kept == nullptr) return store_error::no_grant();
                auto* old = state_.current(candidate.connection);
                std::optional<GrantRow> current;
                if (old != nullptr) current = old->row;
                auto made = grant_rules::promote(kept->row, current, facts, seen, access_token);
                if (!made) return made.error();
                if (made->former) state_.write(*old, *made->former);
                // Promoted before: the connection is there as it was written then.
                const bool repeated = kept->row.role == Role::current;
                state_.write(*kept, made->promoted);
                state_.raise(grant_rules::event_of(*made));
                auto& plain = state_.connections[candidate.connection.text];
                if (!repeated) plain = facts;
                plain.id = candidate.connection;
                return grant_rules::shown(plain, kept->row);
            });
    }

    Task<void> refuse_candidate(GrantKey candidate, std::string reason, Deadline by) override {
        return gate<void>(&state_, "grants.refuse_candidate", by,
                          [this, candidate, reason]() -> Result<void> {
                              auto* kept = state_.grant(candidate);
                              if (kept == nullptr) return store_error::no_grant();
                              const auto next = keep(*kept, grant_rules::refuse(kept->row, reason));
                              if (!next) return next.error();
                              return {};
                          });
    }

    Task<GrantRow> begin_revocation(ConnectionId connection, Deadline by) override {
        return gate<GrantRow>(&state_, "grants.begin_revocation", by,
                              [this, connection]() -> Result<GrantRow> {
                                  auto* kept = state_.current(connection);
                                  if (kept == nullptr) return store_error::no_connection();
                                  return keep(*kept, grant_rules::begin_revocation(kept->row));
                              });
    }

    Task<std::vector<GrantRow>> in_state(State wanted, GrantKey after, std::size_t limit,
                                         Deadline by) override {
        return gate<std::vector<GrantRow>>(
            &state_, "grants.in_state", by, [this, wanted, after, limit] {
                return rows_that(after, limit,
                                 [&](const GrantRow& row) { return row.state == wanted; });
            });
    }

    Task<std::vector<GrantRow>> due(DueBy when, GrantKey after, std::size_t limit,
                                    Deadline by) override {
        return gate<std::vector<GrantRow>>(&state_, "grants.due", by, [this, when, after, limit] {
            return rows_that(after, limit,
                             [&](const GrantRow& row) { return grant_rules::is_due(row, when); });
        });
    }

    Task<std::vector<GrantRow>> suspects(GrantKey after, std::size_t limit, Deadline by) override {
        return gate<std::vector<GrantRow>>(&state_, "grants.suspects", by, [this, after, limit] {
            return rows_that(after, limit, [&](const GrantRow& row) {
                return grant_rules::may_be_refreshed(row) && row.timeline != state_.timeline();
            });
        });
    }

    Task<std::size_t> forget_revoked(WallTime before, Deadline by) override {
        return gate<std::size_t>(&state_, "grants.forget_revoked", by,
                                 [this, before] { return forget(before); });
    }

private:
    Result<GrantRow> keep(KeptGrant& kept, Result<GrantRow> next) {
        if (!next) return next;
        state_.raise(grant_rules::event_of(kept.row, *next));
        state_.write(kept, *next);
        return next;
    }

    Result<std::vector<GrantRow>> rows_that(const GrantKey& after, std::size_t limit,
                                            const std::function<bool(const GrantRow&)>& fits) {
        std::vector<GrantRow> rows;
        auto at = state_.grants.upper_bound({after.connection.text, after.epoch.value});
        for (; at != state_.grants.end(); ++at) {
            if (rows.size() == std::min(limit, most_rows_of_a_state)) break;
            if (fits(at->second.row)) rows.push_back(at->second.row);
        }
        return rows;
    }

    Epoch highest(const ConnectionId& connection) const {
        Epoch last;
        for (auto at = state_.grants.lower_bound({connection.text, 0});
             at != state_.grants.end() && at->first.first == connection.text; ++at)
            last = at->second.row.key.epoch;
        return last;
    }

    Result<std::size_t> forget(WallTime before) {
        const auto old = [&](const KeptGrant& kept) {
            return kept.revoked_at && *kept.revoked_at < before;
        };
        std::size_t forgotten = std::erase_if(state_.grants, [&](const auto& entry) {
            return entry.second.row.role == Role::former && old(entry.second);
        });
        // A connection goes only when nothing of it is left to be revoked.
        forgotten += std::erase_if(state_.grants, [&](const auto& entry) {
            const auto& key = entry.second.row.key;
            const auto grants = std::count_if(
                state_.grants.begin(), state_.grants.end(),
                [&](const auto& other) { return other.first.first == key.connection.text; });
            const bool goes =
                entry.second.row.role == Role::current && old(entry.second) && grants == 1;
            if (goes) state_.connections.erase(key.connection.text);
            return goes;
        });
        return forgotten;
    }

    Contents& state_;
};

}  // namespace

std::unique_ptr<GrantStore> make_grants(Contents& state) {
    return std::make_unique<Grants>(state);
}

}  // namespace latchkey::memory
