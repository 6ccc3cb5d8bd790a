#pragma once

#include <memory>

#include "base/clock.h"
#include "net/net_transport.h"
#include "net/relay_policy.h"
#include "net/server_connection.h"
#include "net/upstreams.h"

namespace latchkey {

/// Passes requests on to other servers and their answers back, as bytes: heads are rewritten line by
/// line, bodies go through in pieces of 128 KB at most with whatever framing they have, so that any length
/// takes the same memory and a slow reader slows the sender down. Only a body that the policy asks to see
/// is held whole, within RelayLimits. Belongs to one loop.
///
/// What a policy decides, it is asked once for a request. A request whose body is small enough to be
/// held is sent again, once, where the policy has newer lines for it. Nothing else is ever repeated,
/// but for a request of which no byte went out because an idle connection was found closed.
///
/// A caller who ends his side before the answer has gone: his request is given up within a second.
class Relay {
public:
    /// `clock` and what `options` points to must outlive this object.
    Relay(std::shared_ptr<RelayPolicy> policy, NetOptions options, RelayLimits limits,
          Clock& clock);

    bool relays(std::string_view target) const { return policy->relays(target); }

    /// Serves the request whose head `caller` has just read. `stopping` is looked at before the
    /// answer's head is written.
    /// returns  whether another request may follow on the caller's connection
    Async<bool> serve(ServerConnection& caller, const bool& stopping);

private:
    const NetOptions options_;

public:
    const std::shared_ptr<RelayPolicy> policy;
    const RelayLimits limits;
    Clock& clock;
    Upstreams upstreams;
    std::size_t shown_now = 0;  ///< bytes of bodies that the policy is to see, as far as they came
};

}  // namespace latchkey
