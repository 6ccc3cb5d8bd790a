#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include <latchkey/latchkey.h>

#include "base/run_here.h"
#include "facade/house.h"
#include "store/timeline_order.h"

namespace latchkey {

namespace {

using namespace std::chrono_literals;

constexpr auto time_to_read = 60s;
constexpr std::size_t page = 200;

/// The journal is the one witness of what the store was before a backup took its place.
Task<std::int64_t> highest_incarnation(Journal& journal, Deadline by) {
    std::int64_t highest = 0;
    std::int64_t after = 0;
    for (;;) {
        auto records = co_await journal.read(after, page, by);
        if (!records) co_return records.error();
        for (const auto& record : *records) {
            after = record.number;
            highest = std::max(highest, incarnation_of(record.timeline));
        }
        if (records->size() < page) co_return highest;
    }
}

/// A switch that was on when the backup was taken stops all use again, which harms nobody; its order to
/// revoke is of another day.
Task<void> keep_from_revoking(Ground& ground, Deadline by) {
    auto& switches = ground.store->kill_switches();
    auto on = co_await switches.list(by);
    if (!on) co_return on.error();
    for (auto& one : *on) {
        ground.log.write(Level::warning, "kill_switch_restored",
                         {Field{"provider", one.provider.text},
                          Field{"revoked", one.revokes ? "yes, and no more" : "no"}});
        if (!one.revokes) continue;
        auto off = co_await switches.turn_off(one.provider, by);
        if (!off) co_return off;
        one.revokes = false;
        one.swept = false;
        auto again = co_await switches.turn_on(one, by);
        if (!again) co_return again.error();
    }
    co_return Result<void>{};
}

Task<Timeline> mark(Ground& ground, Deadline by) {
    auto highest = co_await highest_incarnation(*ground.journal, by);
    if (!highest) co_return highest.error();
    auto marked = co_await ground.store->grants().mark_restored(*highest, by);
    if (!marked) co_return marked.error();
    auto kept = co_await keep_from_revoking(ground, by);
    if (!kept) co_return kept.error();
    co_return marked;
}

}  // namespace

Result<Timeline> Latchkey::mark_restored(Options options) {
    auto ground = std::make_unique<Ground>(options);
    // Also the way back to a file that was moved: what was refreshed elsewhere is found out.
    const auto stored = open_store(*ground, options, WhereMoved::open);
    if (!stored) return stored.error();
    boost::asio::io_context loop;
    auto marked = run_here(loop, mark(*ground, ground->clock.in(time_to_read)));
    if (marked) {
        ground->log.write(Level::warning, "store_marked_restored",
                          {Field{"timeline", marked->text}});
    }
    return marked;
}

}  // namespace latchkey
