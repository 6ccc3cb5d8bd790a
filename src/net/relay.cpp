#include "net/relay.h"

#include <utility>

#include <boost/asio/this_coro.hpp>

#include "net/relay_exchange.h"

namespace latchkey {

Relay::Relay(std::shared_ptr<RelayPolicy> p, NetOptions options, RelayLimits l, Clock& c)
    : options_(std::move(options)),
      policy(std::move(p)),
      limits(l),
      clock(c),
      upstreams(options_, limits.connections, clock) {}

Async<bool> Relay::serve(ServerConnection& caller, const bool& stopping) {
    const Executor on = co_await boost::asio::this_coro::executor;
    RelayExchange exchange{*this, caller, stopping, on};
    caller.lend_time_to(&exchange);
    const bool go_on = co_await exchange.run();
    caller.lend_time_to(nullptr);
    co_return go_on;
}

}  // namespace latchkey
