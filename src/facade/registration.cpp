#include "facade/registration.h"

#include <optional>
#include <utility>

#include "store/errors.h"

namespace latchkey {

namespace {

using namespace std::chrono_literals;

constexpr auto time_to_ask = 5s;
constexpr auto look_again = 1s;

Task<std::optional<NodeRow>> row_of(NodeStore& nodes, NodeId node, Clock& clock) {
    auto rows = co_await nodes.list(clock.in(time_to_ask));
    if (!rows) co_return rows.error();
    std::optional<NodeRow> found;
    for (const auto& row : *rows)
        if (row.node == node) found = row;
    co_return found;
}

}  // namespace

Task<void> join_nodes(NodeStore& nodes, NodeIdentity who, Clock& clock) {
    if (nodes.alone()) co_return Result<void>{};
    auto first = co_await nodes.join(who.node, who.boot, std::nullopt, clock.in(time_to_ask));
    if (first) co_return Result<void>{};
    if (first.error().code != "node_id_in_use") co_return first.error();

    auto seen = co_await row_of(nodes, who.node, clock);
    if (!seen) co_return seen.error();
    const auto until = clock.steady() + silence_of_the_dead;
    while (clock.steady() < until) {
        co_await clock.sleep_until(clock.steady() + look_again);
        auto now = co_await row_of(nodes, who.node, clock);
        if (!now) co_return now.error();
        if (*now != *seen && !(*now && (*now)->left)) co_return store_error::node_id_in_use();
        if (*now && (*now)->left) break;
    }
    auto joined = co_await nodes.join(who.node, who.boot, *seen, clock.in(time_to_ask));
    if (!joined) co_return joined.error();
    co_await clock.sleep_until(clock.steady() + last_request);
    co_return Result<void>{};
}

Registration::Registration(NodeStore& nodes, NodeIdentity who, Clock& clock, Log& log,
                           Refresher& refresher, boost::asio::io_context& loop)
    : nodes_(nodes),
      who_(std::move(who)),
      clock_(clock),
      log_(log),
      refresher_(refresher),
      stopping_(std::make_shared<Event>(loop)) {}

Async<void> Registration::run() {
    if (nodes_.alone()) co_return;
    while (!stopping_->is_set()) {
        auto beaten = co_await nodes_.beat(who_.node, who_.boot, clock_.in(time_to_ask));
        if (!beaten && beaten.error().code == "node_replaced") {
            log_.write(Level::error, "node_replaced", {Field{"node", who_.node.text}});
            refresher_.stand_down(beaten.error());
            co_return;
        }
        // A database that is away hears the next one.
        co_await wait_for(stopping_, clock_, clock_.steady() + beat_every);
    }
}

Async<void> Registration::leave() {
    if (nodes_.alone()) co_return;
    auto left = co_await nodes_.leave(who_.node, who_.boot, clock_.in(time_to_ask));
    if (!left) log_.write(Level::warning, "node_not_left", {Field{"code", left.error().code}});
}

}  // namespace latchkey
