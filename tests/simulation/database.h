#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "store/errors.h"
#include "store/memory_store.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/parcel.h"
#include "tests/simulation/plan.h"

namespace latchkey::simulation {

/// The database that all nodes share, on the other side of a network: a call takes time both ways,
/// is carried out even if its caller has died, and its outcome may stay unknown. It can be away,
/// fail over to a standby that lags, and be put back to an older copy.
class Database {
public:
    Database(Agenda& agenda, Dice dice, const Plan& plan);

    /// No fault from now on.
    void calm();
    void go_away(milliseconds how_long);
    /// Another server takes over: a new timeline, and with `loses` what the standby had not got is
    /// gone.
    void fail_over(milliseconds gap, bool loses);
    /// A backup is put back and marked.
    void restore();
    /// The standby gets what has been written, and an older state becomes the backup.
    void replicate();

    /// A recorded second use of this connection's refresh token is in the store.
    void note_second_use(const ConnectionId& who) { ++second_uses_[who]; }
    std::uint64_t second_uses(const ConnectionId& who) const {
        const auto found = second_uses_.find(who);
        return found == second_uses_.end() ? 0 : found->second;
    }
    /// A step of the protocol is about to be carried out. Some are struck: a fail-over follows at
    /// once, to a standby that has everything but this step.
    void step();

    template <class T, class Port>
    using Work = std::function<Task<T>(Port&, Deadline)>;
    /// `handed_over` runs when the call is on its way.
    template <class T, class Port>
    Task<T> ask(Seat& caller, bool writes, Deadline by, Work<T, Port> work,
                std::function<void()> handed_over = {});

    MemoryStore& store() { return *store_; }
    boost::asio::io_context loop;
    bool ready = false;

private:
    enum class Fate { well, away, unknown_before, unknown_after };
    Fate draw(bool writes);
    milliseconds way();
    GrantStore& port(GrantStore*) { return store_->grants(); }
    ConnectionIndex& port(ConnectionIndex*) { return store_->connections(); }
    Changes& port(Changes*) { return store_->changes(); }
    template <class T, class Port>
    static Async<void> carry_out(Database* self, Work<T, Port> work, Fate fate, bool writes,
                                 milliseconds back, std::weak_ptr<Parcel<Result<T>>> to);

    Agenda& agenda_;
    Dice dice_;
    const Plan& plan_;
    Seat seat_;
    std::chrono::seconds skew_{0};
    SeatClock clock_;
    RolledRandom random_;
    std::unique_ptr<MemoryStore> store_;
    bool calm_ = false;
    SteadyTime away_until_{};
    std::vector<GrantRow> standby_;
    std::deque<std::vector<GrantRow>> backups_;
    std::map<ConnectionId, std::uint64_t> second_uses_;
};

template <class T, class Port>
Async<void> Database::carry_out(Database* self, Work<T, Port> work, Fate fate, bool writes,
                                milliseconds back, std::weak_ptr<Parcel<Result<T>>> to) {
    // What has arrived is carried out, however late its caller thinks it is.
    const Deadline never{self->agenda_.now() + std::chrono::hours{1}};
    auto result = co_await work(self->port(static_cast<Port*>(nullptr)), never);
    if (fate == Fate::unknown_after) {
        if (writes) {
            result = store_error::outcome_unknown();
        } else {
            result = store_error::unavailable("the answer was lost");
        }
    }
    deliver_in(self->agenda_, back, std::move(to), std::move(result));
}

template <class T, class Port>
Task<T> Database::ask(Seat& caller, bool writes, Deadline by, Work<T, Port> work,
                      std::function<void()> handed_over) {
    const auto parcel = std::make_shared<Parcel<Result<T>>>(caller);
    const std::weak_ptr<Parcel<Result<T>>> to = parcel;
    const auto fate = draw(writes);
    const auto out = way();
    const auto back = way();
    agenda_.in(out, [this, to, fate, back, writes, work = std::move(work)]() mutable {
        const Result<T> away = store_error::unavailable("it is away");
        if (fate == Fate::away || agenda_.now() < away_until_) {
            deliver_in(agenda_, back, to, away);
        } else if (fate == Fate::unknown_before) {
            const Result<T> unknown = store_error::outcome_unknown();
            deliver_in(agenda_, back, to, writes ? unknown : away);
        } else {
            boost::asio::co_spawn(loop,
                                  carry_out<T, Port>(this, std::move(work), fate, writes, back, to),
                                  [](std::exception_ptr failed) {
                                      if (failed) std::rethrow_exception(failed);
                                  });
            ready = true;
        }
    });
    // Who waits only so long does not know whether it was carried out.
    if (agenda_.now() + out + back >= by.at || agenda_.now() + milliseconds{1} > by.at) {
        Result<T> late = store_error::unavailable("the deadline passed");
        if (writes) late = store_error::outcome_unknown();
        agenda_.at(by.at, [to, late] {
            if (const auto waiting = to.lock()) waiting->deliver(late);
        });
    }
    if (handed_over) handed_over();
    auto result = co_await parcel->wait();
    if (!result) co_return store_error::unavailable("nobody waits for it any more");
    co_return std::move(*result);
}

}  // namespace latchkey::simulation
