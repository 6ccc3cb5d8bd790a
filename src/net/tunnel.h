#pragma once

#include "base/async.h"
#include "net/net_transport.h"
#include "net/stream.h"

namespace latchkey {

/// Asks the egress proxy at the other end of `stream` for a way to `to`, and returns when it has
/// made one: the next byte is the origin's. Reads its answer's head, at most 16 KiB, and nothing
/// behind it. Whoever calls bounds the time, by resetting the stream.
/// errors  misconfigured  egress_proxy_refused: it wants another login, or does not allow this origin
///         try_later      egress_proxy_failed: it could not reach the origin, or speaks no HTTP
Task<void> open_tunnel(Stream& stream, const EgressProxy& proxy, const Origin& to);

}  // namespace latchkey
