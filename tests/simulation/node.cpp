#include "tests/simulation/node.h"

#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace latchkey::simulation {
namespace {

using namespace std::chrono_literals;

constexpr const char* points[] = {"CP1",  "CP2",  "CP3",  "CP4",  "CP5",  "CP6",  "CP7",
                                  "CP8",  "CP9",  "CP13", "CP14", "CP15", "CP16", "CP17",
                                  "CP18", "CP19", "CP20", "CP21", "CP22", "CP23", "CP24",
                                  "CP26", "CP27", "CP28", "CP29", "CP30"};
constexpr auto point_count = std::size(points);

RefresherParts parts_of(Boot& boot, const Surroundings& around) {
    return RefresherParts{boot.loop,     boot.vault,       boot.store,       boot.journal,
                          boot.endpoint, around.providers, boot.clock,       boot.random,
                          boot.log,      boot.stops,       around.plan.times};
}

}  // namespace

void TraceLog::write(Level, std::string_view event, std::initializer_list<Field> fields) noexcept {
    if (!on_) return;
    std::printf("%9.3f %-8s %.*s", static_cast<double>(agenda_.age().count()) / 1000, who_.c_str(),
                static_cast<int>(event.size()), event.data());
    for (const auto& field : fields)
        std::printf(" %.*s=%s", static_cast<int>(field.name.size()), field.name.data(),
                    field.value.c_str());
    std::printf("\n");
}

void DyingStops::reached(std::string_view point) {
    if (point_.empty() || point != point_ || --left_ >= 0) return;
    dead_ = true;
    loop_.stop();
    throw Died{};
}

Boot::Boot(const Surroundings& around, MemoryJournal& disk, Seat& machine, int which, int boot,
           bool& ready, const std::chrono::seconds& skew, const int& full, Dice chance)
    : node(which),
      number(boot),
      seat{around.agenda, loop, ready},
      clock(seat, skew),
      dice(chance),
      random(dice.fork()),
      log(around.agenda, "n" + std::to_string(which) + "." + std::to_string(boot), around.trace),
      stops(loop),
      journal(disk, seat, machine, stops, power, dice.fork(), around.plan.store_most, full),
      store(around.database, seat, stops),
      vault(store, journal, around.keys, "simulated", random, clock),
      network(around.salesforce, seat, clock, stops, which, boot),
      endpoint(network, clock),
      refresher(parts_of(*this, around)) {}

void Boot::start() {
    boost::asio::co_spawn(loop, begin(), boost::asio::detached);
    seat.ready = true;
}

Async<void> Boot::begin() {
    for (;;) {
        auto recovered = co_await refresher.recover(clock.in(60s));
        if (recovered) break;
        log.write(Level::warning, "not_recovered", {Field{"code", recovered.error().code}});
        co_await clock.sleep_until(clock.steady() + 2s);
    }
    serving = true;
    boost::asio::co_spawn(loop, refresher.listen(), boost::asio::detached);
    co_await refresher.run();
}

Node::Node(const Surroundings& where, int which, Seat& place, Clock& disk_clock)
    : around(where),
      number(which),
      machine(place),
      disk(NodeId{"node-" + std::to_string(which)}, disk_clock),
      full(where.plan.journal_full) {}

void Node::crash(bool power_cut) {
    if (!process) return;
    process->log.write(Level::warning, power_cut ? "POWER_CUT" : "CRASH",
                       {Field{"at", process->stops.dead() ? process->stops.point() : "-"}});
    process->power->cut = power_cut;
    process.reset();
    ready = false;
}

void Node::boot(Dice& dice) {
    if (process) return;
    process = std::make_unique<Boot>(around, disk, machine, number, ++boots, ready, skew, full,
                                     dice.fork());
    if (dice.permille(around.plan.crash_at_point))
        process->stops.die_at(points[dice.below(point_count)], static_cast<int>(dice.below(3)));
    process->start();
}

void Node::run() {
    if (!process || frozen) return;
    ready = false;
    process->loop.restart();
    process->loop.poll();
}

}  // namespace latchkey::simulation
