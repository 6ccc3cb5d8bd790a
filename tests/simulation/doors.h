#pragma once

#include <string_view>
#include <utility>

#include "base/stops.h"
#include "store/store.h"
#include "tests/simulation/database.h"

namespace latchkey::simulation {

/// One start of a node at the database's door: every call goes over the simulated network. The
/// crash points inside a claim and a settlement are reached here.
class GrantDoor final : public GrantStore {
public:
    GrantDoor(Database& database, Seat& seat, Stops& stops)
        : database_(database), seat_(seat), stops_(stops) {}

    Task<Timeline> timeline(Deadline by) override {
        return read<Timeline>(by, [](GrantStore& at, Deadline d) { return at.timeline(d); });
    }
    Task<Timeline> mark_restored(std::int64_t above, Deadline by) override {
        return write<Timeline>(
            by, [=](GrantStore& at, Deadline d) { return at.mark_restored(above, d); });
    }
    Task<GrantRow> find(ConnectionId connection, Deadline by) override {
        return read<GrantRow>(by,
                              [=](GrantStore& at, Deadline d) { return at.find(connection, d); });
    }
    Task<GrantRow> find(GrantKey key, Deadline by) override {
        return read<GrantRow>(by, [=](GrantStore& at, Deadline d) { return at.find(key, d); });
    }
    Task<GrantRow> claim(GrantKey key, GrantGeneration seen, AttemptId attempt, NodeId node,
                         Deadline by) override {
        return stopping<GrantRow>("CP4", "CP5", by, [=](GrantStore& at, Deadline d) {
            return at.claim(key, seen, attempt, node, d);
        });
    }
    Task<GrantRow> settle(Settlement outcome, Deadline by) override {
        return stopping<GrantRow>(
            "CP18", "CP19", by, [=](GrantStore& at, Deadline d) { return at.settle(outcome, d); });
    }
    Task<GrantRow> move(Move change, Deadline by) override {
        return stopping<GrantRow>("CP26", "CP29", by,
                                  [=, &database = database_](GrantStore& at, Deadline d) {
                                      return move_and_note(&database, &at, change, d);
                                  });
    }
    Task<GrantRow> take_resolution(Resolving wish, Deadline by) override {
        Database::Work<GrantRow, GrantStore> work = [=](GrantStore& at, Deadline d) {
            return at.take_resolution(wish, d);
        };
        return write<GrantRow>(by, step(std::move(work)));
    }
    Task<GrantRow> quarantine(ConnectionId connection, std::string reason, Deadline by) override {
        return write<GrantRow>(
            by, [=](GrantStore& at, Deadline d) { return at.quarantine(connection, reason, d); });
    }
    Task<void> add_candidate(GrantRow candidate, Deadline by) override {
        return write<void>(
            by, [=](GrantStore& at, Deadline d) { return at.add_candidate(candidate, d); });
    }
    Task<Epoch> last_epoch(ConnectionId connection, Deadline by) override {
        return read<Epoch>(
            by, [=](GrantStore& at, Deadline d) { return at.last_epoch(connection, d); });
    }
    Task<Connection> promote(GrantKey candidate, Connection facts, Generation seen,
                             Sealed access_token, Deadline by) override {
        return write<Connection>(by, [=](GrantStore& at, Deadline d) {
            return at.promote(candidate, facts, seen, access_token, d);
        });
    }
    Task<void> refuse_candidate(GrantKey candidate, std::string reason, Deadline by) override {
        return write<void>(by, [=](GrantStore& at, Deadline d) {
            return at.refuse_candidate(candidate, reason, d);
        });
    }
    Task<GrantRow> begin_revocation(ConnectionId connection, Deadline by) override {
        return write<GrantRow>(
            by, [=](GrantStore& at, Deadline d) { return at.begin_revocation(connection, d); });
    }
    Task<std::vector<GrantRow>> in_state(State state, GrantKey after, std::size_t limit,
                                         Deadline by) override {
        return read<std::vector<GrantRow>>(
            by, [=](GrantStore& at, Deadline d) { return at.in_state(state, after, limit, d); });
    }
    Task<std::vector<GrantRow>> due(DueBy when, GrantKey after, std::size_t limit,
                                    Deadline by) override {
        return read<std::vector<GrantRow>>(
            by, [=](GrantStore& at, Deadline d) { return at.due(when, after, limit, d); });
    }
    Task<std::vector<GrantRow>> suspects(GrantKey after, std::size_t limit, Deadline by) override {
        return read<std::vector<GrantRow>>(
            by, [=](GrantStore& at, Deadline d) { return at.suspects(after, limit, d); });
    }
    Task<std::size_t> forget_revoked(WallTime before, Deadline by) override {
        return write<std::size_t>(
            by, [=](GrantStore& at, Deadline d) { return at.forget_revoked(before, d); });
    }

private:
    /// The work may be done when this start of the node is over, so it holds nothing of it.
    template <class T>
    Task<T> read(Deadline by, Database::Work<T, GrantStore> work) {
        return database_.ask<T, GrantStore>(seat_, false, by, std::move(work));
    }
    template <class T>
    Task<T> write(Deadline by, Database::Work<T, GrantStore> work) {
        return database_.ask<T, GrantStore>(seat_, true, by, std::move(work));
    }
    static Task<GrantRow> move_and_note(Database* database, GrantStore* at, Move change,
                                        Deadline by) {
        auto moved = co_await at->move(change, by);
        const bool second = change.to == State::in_flight && change.reason == second_use_reason;
        if (moved && second) database->note_second_use(change.key.connection);
        co_return moved;
    }
    template <class T>
    Database::Work<T, GrantStore> step(Database::Work<T, GrantStore> work) {
        return [&database = database_, work = std::move(work)](GrantStore& at, Deadline d) {
            database.step();
            return work(at, d);
        };
    }
    template <class T>
    Task<T> stopping(std::string_view before, std::string_view sent, Deadline by,
                     Database::Work<T, GrantStore> work) {
        stops_.reached(before);
        std::function<void()> handed_over = [this, sent] { stops_.reached(sent); };
        return database_.ask<T, GrantStore>(seat_, true, by, step(std::move(work)),
                                            std::move(handed_over));
    }

    Database& database_;
    Seat& seat_;
    Stops& stops_;
};

class IndexDoor final : public ConnectionIndex {
public:
    IndexDoor(Database& database, Seat& seat) : database_(database), seat_(seat) {}
    Task<Connection> find(ConnectionId id, Deadline by) override {
        return read<Connection>(by,
                                [=](ConnectionIndex& at, Deadline d) { return at.find(id, d); });
    }
    Task<ConnectionPage> list(ConnectionQuery query, Deadline by) override {
        return read<ConnectionPage>(
            by, [=](ConnectionIndex& at, Deadline d) { return at.list(query, d); });
    }
    Task<std::vector<Connection>> of_salesforce_user(ProviderId provider, std::string org_id,
                                                     std::string user_id, Deadline by) override {
        return read<std::vector<Connection>>(by, [=](ConnectionIndex& at, Deadline d) {
            return at.of_salesforce_user(provider, org_id, user_id, d);
        });
    }
    Task<std::vector<StandingCount>> counts(Deadline by) override {
        return read<std::vector<StandingCount>>(
            by, [=](ConnectionIndex& at, Deadline d) { return at.counts(d); });
    }
    Task<std::int64_t> suspect_count(Deadline by) override {
        return read<std::int64_t>(
            by, [=](ConnectionIndex& at, Deadline d) { return at.suspect_count(d); });
    }

private:
    template <class T>
    Task<T> read(Deadline by, Database::Work<T, ConnectionIndex> work) {
        return database_.ask<T, ConnectionIndex>(seat_, false, by, std::move(work));
    }
    Database& database_;
    Seat& seat_;
};

/// The hint may be late or lost, as it may be in life: it goes over the network like all else.
class ChangesDoor final : public Changes {
public:
    ChangesDoor(Database& database, Seat& seat) : database_(database), seat_(seat) {}
    Task<ChangeBatch> next(std::int64_t mark, Deadline by) override {
        const Deadline patient{by.at + std::chrono::seconds{10}};
        return database_.ask<ChangeBatch, Changes>(
            seat_, false, patient, [=](Changes& at, Deadline) { return at.next(mark, by); });
    }

private:
    Database& database_;
    Seat& seat_;
};

/// The store as one start of a node sees it. What the refresh protocol has no use for is the
/// database's own.
class StoreDoor final : public Store {
public:
    StoreDoor(Database& database, Seat& seat, Stops& stops)
        : database_(database),
          grants_(database, seat, stops),
          index_(database, seat),
          changes_(database, seat) {}

    GrantStore& grants() override { return grants_; }
    ConnectionIndex& connections() override { return index_; }
    Changes& changes() override { return changes_; }
    FlowStore& flows() override { return database_.store().flows(); }
    KeyStore& keys() override { return database_.store().keys(); }
    ApiKeyStore& api_keys() override { return database_.store().api_keys(); }
    SessionStore& sessions() override { return database_.store().sessions(); }
    KillSwitchStore& kill_switches() override { return database_.store().kill_switches(); }
    EventStore& events() override { return database_.store().events(); }
    NodeStore& nodes() override { return database_.store().nodes(); }
    Task<void> quiet(Deadline by) override { return database_.store().quiet(by); }

private:
    Database& database_;
    GrantDoor grants_;
    IndexDoor index_;
    ChangesDoor changes_;
};

}  // namespace latchkey::simulation
