#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "refresh/refresher_impl.h"

// Other nodes: waiting for what one of them is doing, and hearing of what they have done.

namespace latchkey {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds listen_for{30000};
constexpr milliseconds pause_after_failure{1000};

Async<Result<ChangeBatch>> next_change(Changes& changes, std::int64_t mark, Deadline by,
                                       std::shared_ptr<Event> stopping) {
    using namespace boost::asio::experimental::awaitable_operators;
    auto change = changes.next(mark, by);
    auto end = stopping->wait();
    auto either = std::move(change) || std::move(end);
    auto first = co_await std::move(either);
    if (first.index() == 0) co_return std::move(std::get<0>(first));
    ChangeBatch nothing;
    nothing.mark = mark;
    co_return nothing;
}

}  // namespace

/// One task for all who wait here for one attempt of another node. It ends when the row shows
/// anything else, and at the latest when the attempt may be taken over.
Refresher::Impl::WorkPtr Refresher::Impl::wait_elsewhere(const GrantRow& row) {
    const auto who = row.key.connection;
    if (auto known = waits.find(who)) return known;
    if (stopping->is_set()) return nullptr;
    auto wait = waits.begin(who);
    if (!wait) return nullptr;
    auto self = shared_from_this();
    boost::asio::co_spawn(parts.loop, watch_elsewhere(self, row),
                          [self, who](std::exception_ptr failed) {
                              if (failed)
                                  self->parts.log.write(Level::error, "waiting_failed",
                                                        {Field{"connection", who.text}});
                              self->pokes.erase(who);
                              self->waits.end(who);
                              self->rest();
                          });
    return wait;
}

Async<void> Refresher::Impl::watch_elsewhere([[maybe_unused]] std::shared_ptr<Impl> self,
                                             GrantRow row) {
    const auto& times = parts.times;
    const auto until = parts.clock.steady() + times.send + times.answer + times.quiet;
    while (!stopping->is_set() && parts.clock.steady() < until) {
        auto poke = std::make_shared<Event>(parts.loop);
        pokes[row.key.connection] = poke;
        const auto look = std::min(parts.clock.steady() + times.look_again, until);
        co_await wait_for(poke, parts.clock, look);
        auto now = co_await parts.store.grants().find(row.key, store_time());
        if (!now && now.error().fault == Fault::not_found) co_return;
        // While the store is away nothing is known; it is asked again.
        if (now && (now->state != State::in_flight || now->attempt != row.attempt)) co_return;
    }
}

void Refresher::Impl::forget(const ConnectionId& who) {
    memory.forget(who);
    const auto waiting = pokes.find(who);
    if (waiting != pokes.end()) waiting->second->set();
}

void Refresher::Impl::forget_all() {
    memory.forget_all();
    for (const auto& [who, poke] : pokes) poke->set();
}

Async<void> Refresher::Impl::listen([[maybe_unused]] std::shared_ptr<Impl> self) {
    std::int64_t mark = 0;
    while (!stopping->is_set()) {
        auto heard =
            co_await next_change(parts.store.changes(), mark, parts.clock.in(listen_for), stopping);
        if (!heard) {
            forget_all();
            co_await wait_for(stopping, parts.clock, parts.clock.steady() + pause_after_failure);
            continue;
        }
        mark = heard->mark;
        for (const auto& who : heard->connections) forget(who);
        if (!heard->anything) continue;
        forget_all();
        // The way to the database was broken: it may be another one now.
        look_back = true;
    }
}

}  // namespace latchkey
