#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/resolver.h"
#include "net/open_answer.h"
#include "net/transport.h"

namespace latchkey {

struct NetOptions {
    TransportLimits limits;
    /// Only these may be reached at loopback, private and other special addresses, and only these
    /// without TLS.
    std::vector<Origin> private_origins;
    std::string extra_ca_file;     ///< PEM, trusted beside the system's store
    StreamWrapper wrap;            ///< for tests
    Resolver* resolver = nullptr;  ///< for tests; else the system's. Must outlive the transport
    std::string bind_address;      ///< numeric local address of outgoing connections, or empty
};

/// Reaches servers over real sockets.
///
/// May be used from many loops and threads: a connection belongs to the loop of the coroutine that
/// made it and is reused only there. Up to 64 idle connections an origin are kept, for at most 30
/// seconds, and used last in, first out. Every loop that has used it must outlive it, and none may
/// run while it is destroyed.
///
/// A coroutine that is cancelled inside `dial`, `send`, `open` or `send_once` gets an error as after a
/// time-out, and its connection is reset.
class NetTransport final : public Transport, public OpenTransport {
public:
    /// `clock` must outlive this object. If the extra CA file cannot be read, every call to an
    /// https origin answers misconfigured tls_files.
    NetTransport(NetOptions options, Clock& clock);
    ~NetTransport() override;

    Task<std::unique_ptr<Line>> dial(Origin to, Deadline by) override;
    Task<HttpResponse> send(Origin to, HttpRequest request, Deadline by) override;
    /// The answer must not outlive this object.
    Task<std::unique_ptr<OpenAnswer>> open(Origin to, HttpRequest request,
                                           std::shared_ptr<const std::string> body,
                                           Deadline by) override;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey
