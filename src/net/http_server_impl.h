#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>

#include "net/http_server.h"
#include "net/relay.h"
#include "net/server_connection.h"
#include "net/silent_callers.h"
#include "net/sockets.h"

// What the files of the server share. Private to them.
namespace latchkey {

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
    Impl(boost::asio::io_context& loop, ServerLimits l, Handler h, Log& to)
        : executor(loop.get_executor()),
          limits(l),
          handler(std::move(h)),
          log(&to),
          silent(std::min(limits.silent_per_address,
                          std::max(limits.connections / 2, std::size_t{1}))),
          ticker(executor),
          room(executor),
          drained(executor) {}

    using Connections = std::list<std::shared_ptr<ServerConnection>>;
    using SteadyClock = std::chrono::steady_clock;
    using Timer =
        boost::asio::basic_waitable_timer<SteadyClock, boost::asio::wait_traits<SteadyClock>,
                                          Executor>;

    Executor executor;
    ServerLimits limits;
    Handler handler;
    Log* log;          ///< null once the server is destroyed
    std::string host;  ///< as given to `listen`
    std::unique_ptr<Listener> listener;
    std::optional<TlsContext> tls;
    std::shared_ptr<Relay> relay;  ///< null: none
    Connections connections;
    SilentCallers silent;
    std::atomic<std::uint64_t> turned_away{0};
    bool stopping = false;
    bool closing = false;  ///< the next answers end their connections: stopping, or full
    bool ticking = false;
    Timer ticker;
    Timer room;     ///< cancelled when a connection has gone
    Timer drained;  ///< cancelled when the last connection of a stopping server has gone

    Result<void> open(const std::string& at, std::uint16_t port, bool shared);
    void tick();
    void stop_accepting();
    void reset_all();
    bool full() const { return connections.size() >= limits.connections; }
    void make_room();
    void add(std::unique_ptr<Socket> socket);
    void remove(Connections::iterator connection);
    void tell_of_certificate() const;
    void say(Level level, std::string_view event, std::string_view why) const {
        if (log) log->write(level, event, {{"why", why}});
    }
};

/// One connection from its first byte to its last. Nothing is read while the handler runs, so a
/// caller who goes away is noticed only when the answer is written. `place` is let go with the first
/// whole head.
Async<void> serve_connection(std::shared_ptr<HttpServer::Impl> server,
                             std::shared_ptr<ServerConnection> connection,
                             std::unique_ptr<SilentCallers::Place> place);

}  // namespace latchkey
