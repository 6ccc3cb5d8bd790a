#include "facade/house.h"

#include <functional>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/run_here.h"
#include "base/text.h"
#include "facade/check_egress.h"
#include "facade/check_providers.h"
#include "facade/loopback_login.h"

namespace latchkey {

namespace {

using namespace std::chrono_literals;

constexpr auto time_to_recover = 60s;
constexpr auto time_to_settle = 36s;  // an attempt ends within its send and answer times: 32 s
constexpr auto time_to_close = 40s;
constexpr auto look_again = 10ms;

/// Providers with a redirect URI on this machine may end a login in this process, whose ticket goes
/// no further than this URL's text.
std::vector<Provider> with_loopback_return(std::vector<Provider> providers) {
    for (auto& provider : providers) {
        if (loopback_place(provider.redirect_uri)) {
            provider.return_urls.emplace_back(loopback_return_url);
        }
    }
    return providers;
}

ConnectParts connect_parts(Ground& ground, boost::asio::io_context& loop, Vault& vault,
                           TokenEndpoint& endpoint,
                           std::function<void(const ConnectionId&)> changed) {
    return {loop,
            vault,
            *ground.store,
            *ground.journal,
            endpoint,
            ground.providers,
            ground.clock,
            ground.random,
            ground.log,
            ground.stops,
            std::move(changed),
            ground.switches};
}

Async<void> tend(std::shared_ptr<House> house, Async<void> work) {
    const House::Presence counted{*house};
    try {
        co_await std::move(work);
    } catch (const std::exception& thrown) {
        house->bug(thrown.what());
    }
}

}  // namespace

Ground::Ground(const Options& options)
    : log(options.log),
      meter(options.measure),
      providers(with_loopback_return(options.providers)),
      budgets(options.daily_reserve) {
    net.private_origins = private_origins(options.providers);
    net.extra_ca_file = options.ca_file;
    net.bind_address = options.egress.source_address;
    net.proxy = egress_proxy(options.egress);
}

Rooms::Rooms(Ground& ground, boost::asio::io_context& loop)
    : transport_(ground.net, ground.clock),
      endpoint_(transport_, ground.clock),
      vault_(*ground.store, *ground.journal, ground.keys, ground.installation.id, ground.random,
             ground.clock),
      refresher(
          RefresherParts{loop, vault_, *ground.store, *ground.journal, endpoint_, ground.providers,
                         ground.clock, ground.random, ground.log, ground.stops, ProtocolTimes{},
                         ground.meter, PlanTimes{}, ground.switches,
                         [&ground](const ConnectionId* who) {
                             who != nullptr ? ground.changes.note(*who) : ground.changes.note_all();
                         }}),
      // A reconnect leaves a former grant, and a refused login a new one: both are given back now,
      // not at the revoker's next look.
      connect(connect_parts(ground, loop, vault_, endpoint_,
                            [this](const ConnectionId& who) {
                                refresher.forget(who);
                                revoker.wake();
                            })),
      revoker(connect_parts(ground, loop, vault_, endpoint_,
                            [this](const ConnectionId& who) { refresher.forget(who); })),
      kill_watch(connect_parts(ground, loop, vault_, endpoint_,
                               [this](const ConnectionId& who) {
                                   refresher.forget(who);
                                   revoker.wake();
                               }),
                 ground.switches, [this] { refresher.forget_all(); }),
      gateway(refresher, transport_, ground.clock, ground.log, &ground.budgets),
      open_gateway(refresher, transport_, ground.clock, ground.log),
      api_keys(ground.store->api_keys(), ground.keys, ground.random, ground.clock),
      registration(ground.store->nodes(), NodeIdentity{ground.journal->node(), ground.boot},
                   ground.clock, ground.log, refresher, loop),
      key_watch(KeyWatchParts{loop, *ground.store, ground.keys, *ground.master,
                              ground.installation.id,
                              NodeIdentity{ground.journal->node(), ground.boot}, ground.clock,
                              ground.random, ground.log, ground.stops, ground.kept_keys.get()}) {
    if (ground.recovered) refresher.begin_with(*ground.recovered);
}

House::House(std::unique_ptr<Ground> ground, boost::asio::io_context& loop)
    : ground_(std::move(ground)), loop_(loop), rooms_(*ground_, loop) {}

Error House::bug(const char* what) {
    ground_->log.write(Level::error, "unexpected_exception", {Field{"what", printable(what)}});
    return {
        Fault::internal, "unexpected_exception",
        "Something happened that latchkey does not provide for. Please report it with the log."};
}

void start_housework(const std::shared_ptr<House>& house) {
    namespace asio = boost::asio;
    auto& rooms = house->rooms();
    asio::co_spawn(house->loop(), tend(house, rooms.refresher.run()), asio::detached);
    asio::co_spawn(house->loop(), tend(house, rooms.refresher.listen()), asio::detached);
    asio::co_spawn(house->loop(), tend(house, rooms.registration.run()), asio::detached);
    asio::co_spawn(house->loop(), tend(house, rooms.refresher.run_plan()), asio::detached);
    asio::co_spawn(house->loop(), tend(house, rooms.connect.run()), asio::detached);
    asio::co_spawn(house->loop(), tend(house, rooms.revoker.run()), asio::detached);
    asio::co_spawn(house->loop(), tend(house, rooms.kill_watch.run()), asio::detached);
    asio::co_spawn(house->loop(), tend(house, rooms.key_watch.run()), asio::detached);
}

Async<void> close_house(std::shared_ptr<House> house, Deadline by) {
    auto& clock = house->ground().clock;
    const auto latest = by.sooner(clock.steady() + time_to_close);
    house->rooms().connect.stop();
    house->rooms().revoker.stop();
    house->rooms().kill_watch.stop();
    house->rooms().key_watch.stop();
    house->rooms().registration.stop();
    co_await house->rooms().refresher.stop(by.sooner(clock.steady() + time_to_settle));
    while (house->under_way() > 0 && !latest.passed(clock.steady())) {
        co_await clock.sleep_until(clock.steady() + look_again);
    }
    co_await house->rooms().registration.leave();
}

Result<void> join_the_others(Ground& ground) {
    boost::asio::io_context loop;
    NodeIdentity who{ground.journal->node(), ground.boot};
    return run_here(loop, join_nodes(ground.store->nodes(), std::move(who), ground.clock));
}

Result<void> read_kill_switches(Ground& ground) {
    boost::asio::io_context loop;
    auto on = run_here(loop, ground.store->kill_switches().list(ground.clock.in(time_to_recover)));
    if (!on) return on.error();
    ground.switches.set(std::move(*on));
    return {};
}

Result<void> settle_the_past(Ground& ground) {
    boost::asio::io_context loop;
    Rooms rooms{ground, loop};
    const auto by = ground.clock.in(time_to_recover);
    auto refreshes = run_here(loop, rooms.refresher.recover(by));
    if (!refreshes) return refreshes.error();
    ground.recovered = rooms.refresher.recovered();
    return run_here(loop, rooms.connect.recover(by));
}

}  // namespace latchkey
