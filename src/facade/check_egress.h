#pragma once

#include <optional>

#include <latchkey/error.h>
#include <latchkey/options.h>

#include "net/net_transport.h"

namespace latchkey {

/// What can be wrong with the way out before anybody goes it.
/// errors  misconfigured  invalid_egress: the proxy's URL or login is no such thing, or the source
///                        address is not one of this machine
Result<void> check_egress(const Egress& egress);

/// Of settings that were checked; nullopt: none.
std::optional<EgressProxy> egress_proxy(const Egress& egress);

}  // namespace latchkey
