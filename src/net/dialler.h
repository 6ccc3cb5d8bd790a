#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/net_transport.h"
#include "net/sockets.h"
#include "net/tls.h"

namespace latchkey {

/// Makes connections: resolves, checks addresses, connects, shakes hands. Private to the room.
class Dialler {
public:
    /// Both must outlive this object.
    Dialler(const NetOptions& options, Clock& clock);

    /// errors  as Transport::dial
    Task<std::unique_ptr<Socket>> dial(Origin to, Deadline by);

private:
    /// A connection to a host, which for any but a private one has to be at a public address.
    Task<std::unique_ptr<Socket>> connect(Origin to, bool anywhere, Deadline by);
    /// The same through the egress proxy.
    Task<std::unique_ptr<Socket>> connect_through(const EgressProxy& proxy, Origin to, Deadline by);
    Task<void> shake_hands(Socket& socket, Origin to, Deadline by);
    Task<std::vector<std::string>> addresses(const Origin& to, Deadline by);
    bool is_private(const Origin& to) const;
    /// Made with the first https origin: reading a large CA file takes tens of milliseconds.
    const Result<TlsContext>& tls();

    const NetOptions& options_;
    Clock& clock_;
    SystemResolver system_;
    std::once_flag tls_made_;
    std::optional<Result<TlsContext>> tls_;
};

}  // namespace latchkey
