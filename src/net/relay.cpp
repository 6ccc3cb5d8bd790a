#include "net/relay.h"

#include <utility>

#include "net/relay_exchange.h"

namespace latchkey {

Relay::Relay(std::shared_ptr<RelayPolicy> p, NetOptions options, RelayLimits l, Clock& c)
    : options_(std::move(options)),
      policy(std::move(p)),
      limits(l),
      clock(c),
      upstreams(options_, limits.connections, clock) {}

Async<bool> Relay::serve(ServerConnection& caller, const bool& stopping) {
    return RelayExchange::serve(*this, caller, stopping);
}

}  // namespace latchkey
