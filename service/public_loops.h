#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/latchkey.h>

#include "base/log.h"
#include "net/http_server.h"
#include "service/proxy_relay.h"

namespace latchkey::service {

/// Further event loops that serve the public listener, each with a thread, a listener and a relay of
/// its own; the kernel deals callers out among them. A relayed call stays on its loop. Every other
/// request is answered by the handler on the house's loop, where the routes and all they know are.
class PublicLoops {
public:
    /// All must outlive this object. `handler` runs on `house`; `limits` are those of each loop.
    PublicLoops(boost::asio::io_context& house, Latchkey& library, ServerLimits limits,
                Handler handler, Log& log);
    ~PublicLoops();

    /// Starts one more beside `first`, which listens already and is shared.
    /// errors  those of HttpServer::listen_beside
    Result<void> add(const HttpServer& first);

    /// Stops accepting, answers what is under way at most until `by`, and ends the threads.
    Async<void> stop(Deadline by);

    /// As ProxyRelay::count, of all loops together.
    std::uint64_t count(std::string_view route, int status) const;
    /// As HttpServer::turned_away, of all loops together.
    std::uint64_t turned_away() const;

private:
    struct Loop;
    static Async<Reply> on_house(PublicLoops* self, ServedRequest request);

    boost::asio::io_context& house_;
    Latchkey& library_;
    const ServerLimits limits_;
    const Handler handler_;
    Log& log_;
    std::vector<std::unique_ptr<Loop>> loops_;
};

/// A relay for one loop, with the library's own settings.
std::shared_ptr<Relay> make_relay(std::shared_ptr<ProxyRelay> policy, Latchkey& library);

}  // namespace latchkey::service
