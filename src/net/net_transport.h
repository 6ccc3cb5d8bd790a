#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/secret.h>

#include "base/clock.h"
#include "base/origin.h"
#include "base/resolver.h"
#include "net/open_answer.h"
#include "net/transport.h"

namespace latchkey {

/// An HTTP proxy through which public origins are reached (CONNECT, RFC 9110 section 9.3.6). It
/// resolves their names, so whether an address is a public one is for it to see; TLS is with the
/// origin, and the proxy sees neither paths nor tokens. Private origins are reached without it.
struct EgressProxy {
    Origin at;                    ///< plain http
    std::optional<Secret> login;  ///< "user:password", sent as Basic
};

struct NetOptions {
    TransportLimits limits;
    /// Only these may be reached at loopback, private and other special addresses, and only these
    /// without TLS.
    std::vector<Origin> private_origins;
    std::string extra_ca_file;     ///< PEM, trusted beside the system's store
    StreamWrapper wrap;            ///< for tests
    Resolver* resolver = nullptr;  ///< for tests; else the system's. Must outlive the transport
    std::string bind_address;      ///< numeric local address of outgoing connections, or empty
    std::optional<EgressProxy> proxy;
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
