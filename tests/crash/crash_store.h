#pragma once

#include <utility>

#include "base/stops.h"
#include "store/store.h"
#include "tests/support/passing_store.h"

namespace latchkey::test {

/// A store's grants with the crash points that lie inside their calls. A transaction is whole or
/// not there at all, so "statement executed, commit not sent" is the moment before the call, and
/// "commit sent, answer not read" the moment after it.
class StoppingGrants final : public GrantStore {
public:
    StoppingGrants(GrantStore& inner, Stops& stops) : inner_(inner), stops_(stops) {}

    Task<GrantRow> claim(GrantKey key, GrantGeneration seen, AttemptId attempt, NodeId node,
                         Deadline by) override {
        stops_.reached("CP4");
        auto row = co_await inner_.claim(key, seen, attempt, node, by);
        stops_.reached("CP5");
        co_return row;
    }
    Task<GrantRow> settle(Settlement outcome, Deadline by) override {
        stops_.reached("CP18");
        auto row = co_await inner_.settle(outcome, by);
        stops_.reached("CP19");
        co_return row;
    }

    Task<Timeline> timeline(Deadline by) override { return inner_.timeline(by); }
    Task<GrantRow> find(ConnectionId connection, Deadline by) override {
        return inner_.find(std::move(connection), by);
    }
    Task<GrantRow> find(GrantKey key, Deadline by) override {
        return inner_.find(std::move(key), by);
    }
    Task<GrantRow> move(Move change, Deadline by) override {
        return inner_.move(std::move(change), by);
    }
    Task<Timeline> mark_restored(std::int64_t above, Deadline by) override {
        return inner_.mark_restored(above, by);
    }
    Task<GrantRow> take_resolution(Resolving wish, Deadline by) override {
        return inner_.take_resolution(std::move(wish), by);
    }
    Task<std::vector<GrantRow>> due(DueBy when, GrantKey after, std::size_t limit,
                                    Deadline by) override {
        return inner_.due(when, std::move(after), limit, by);
    }
    Task<std::vector<GrantRow>> suspects(GrantKey after, std::size_t limit, Deadline by) override {
        return inner_.suspects(std::move(after), limit, by);
    }
    Task<GrantRow> quarantine(ConnectionId connection, std::string reason, Deadline by) override {
        return inner_.quarantine(std::move(connection), std::move(reason), by);
    }
    Task<void> add_candidate(GrantRow candidate, Deadline by) override {
        return inner_.add_candidate(std::move(candidate), by);
    }
    Task<Epoch> last_epoch(ConnectionId connection, Deadline by) override {
        return inner_.last_epoch(std::move(connection), by);
    }
    Task<Connection> promote(GrantKey candidate, Connection facts, Generation seen,
                             Sealed access_token, Deadline by) override {
        return inner_.promote(std::move(candidate), std::move(facts), seen, std::move(access_token),
                              by);
    }
    Task<void> refuse_candidate(GrantKey candidate, std::string reason, Deadline by) override {
        return inner_.refuse_candidate(std::move(candidate), std::move(reason), by);
    }
    Task<GrantRow> begin_revocation(ConnectionId connection, Deadline by) override {
        return inner_.begin_revocation(std::move(connection), by);
    }
    Task<std::vector<GrantRow>> in_state(State state, GrantKey after, std::size_t limit,
                                         Deadline by) override {
        return inner_.in_state(state, std::move(after), limit, by);
    }
    Task<std::size_t> forget_revoked(WallTime before, Deadline by) override {
        return inner_.forget_revoked(before, by);
    }

private:
    GrantStore& inner_;
    Stops& stops_;
};

class StoppingStore final : public PassingStore {
public:
    StoppingStore(Store& inner, Stops& stops)
        : PassingStore(inner), grants_(inner.grants(), stops) {}

    GrantStore& grants() override { return grants_; }

private:
    StoppingGrants grants_;
};

}  // namespace latchkey::test
