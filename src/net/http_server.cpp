#include "net/http_server.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <list>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include "base/text.h"
#include "net/http_syntax.h"
#include "net/relay.h"
#include "net/server_connection.h"
#include "net/silent_callers.h"
#include "net/sockets.h"

namespace latchkey {

namespace {

using SteadyClock = std::chrono::steady_clock;
using Timer =
    boost::asio::basic_waitable_timer<SteadyClock, boost::asio::wait_traits<SteadyClock>, Executor>;
using Incoming = ServerConnection::Incoming;
using Connections = std::list<std::shared_ptr<ServerConnection>>;

/// How often waits are looked at: often enough for the shortest of them, seldom enough to cost
/// nothing. One timer for all connections instead of one or more for each.
std::chrono::milliseconds pace(const ServerLimits& limits) {
    const auto shortest = std::min({limits.head, limits.idle, limits.body, limits.write});
    return std::clamp(shortest / 4, std::chrono::milliseconds{2}, std::chrono::milliseconds{500});
}

Reply refusal_reply(const Refusal& refusal) {
    Reply reply{
        refusal.status,
        {{"Content-Type", "application/json"}},
        error_body(refusal.status == 408 ? "request_too_slow" : "invalid_request", refusal.why)};
    reply.close = true;
    return reply;
}

}  // namespace

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

namespace {

using Impl = HttpServer::Impl;

Async<void> pause(Timer& timer, std::chrono::milliseconds wait) {
    timer.expires_after(wait);
    boost::system::error_code ignored;
    co_await timer.async_wait(boost::asio::redirect_error(use_task, ignored));
}

/// The handler's answer, or 500 for an exception that it let out.
Async<Reply> answer(std::shared_ptr<Impl> server, ServedRequest request) {
    std::string why;
    try {
        auto reply = co_await server->handler(std::move(request));
        co_return reply;
    } catch (const std::exception& e) {
        why = printable(e.what());
    } catch (...) {
        why = "not a std::exception";
    }
    server->say(Level::error, "handler_threw", why);
    Reply reply{500,
                {{"Content-Type", "application/json"}},
                error_body("internal", "This is a bug of latchkey; the log has its traces.")};
    co_return reply;
}

/// One connection from its first byte to its last. Nothing is read while the handler runs, so a
/// caller who goes away is noticed only when the answer is written. `place` is let go with the first
/// whole head.
Async<void> serve(std::shared_ptr<Impl> server, std::shared_ptr<ServerConnection> connection,
                  std::unique_ptr<SilentCallers::Place> place) {
    if (server->tls) {
        const bool ready = co_await connection->handshake(*server->tls);
        server->tell_of_certificate();
        if (!ready) {
            connection->reset();
            co_return;
        }
    }
    for (bool go_on = true; go_on && !server->stopping;) {
        auto head = connection->expect_head();
        while (!head) {
            const bool told = co_await connection->socket().until_some();
            head = connection->take_head(told);
        }
        if (head->kind == Incoming::Kind::request) place.reset();
        if (head->kind == Incoming::Kind::request && server->relay &&
            server->relay->relays(connection->head().target)) {
            go_on = co_await server->relay->serve(*connection, server->closing);
            continue;
        }
        auto incoming = std::move(*head);
        if (incoming.kind == Incoming::Kind::request)
            incoming = co_await connection->read_request(std::move(incoming));
        if (incoming.kind == Incoming::Kind::ended) break;
        if (incoming.kind == Incoming::Kind::refused) {
            auto reply = refusal_reply(incoming.refusal);
            co_await connection->write(std::move(reply), false, false, incoming.http_1_0);
            break;
        }
        const bool head_only = incoming.request.method == "HEAD";
        auto request = std::move(incoming.request);
        auto reply = co_await answer(server, std::move(request));
        const bool keep = incoming.keep_alive && !reply.close && !server->closing;
        go_on = co_await connection->write(std::move(reply), head_only, keep, incoming.http_1_0);
    }
    co_await connection->close();
}

Async<void> accept_all(std::shared_ptr<Impl> server) {
    constexpr auto breath = std::chrono::milliseconds{50};
    bool told = false;
    while (!server->stopping) {
        if (server->full()) {
            co_await pause(server->room, std::chrono::milliseconds{60000});
            continue;
        }
        boost::system::error_code failed;
        auto socket = co_await server->listener->accept(failed);
        if (server->stopping) break;
        if (!failed) {
            server->add(std::move(socket));
            told = false;
        } else {
            // Mostly: no file descriptor is left. They come back when callers go.
            if (!told) server->say(Level::warning, "accept_failed", failed.message());
            told = true;
            co_await pause(server->room, breath);
        }
    }
}

}  // namespace

Result<void> HttpServer::Impl::open(const std::string& at, std::uint16_t port, bool shared) {
    auto opened = open_listener(executor, at, port, shared);
    if (!opened) return opened.error();
    host = at;
    listener = std::move(*opened);
    boost::asio::co_spawn(executor, accept_all(shared_from_this()), boost::asio::detached);
    return {};
}

void HttpServer::Impl::add(std::unique_ptr<Socket> socket) {
    auto place = silent.admit(socket->peer());
    if (!place) {
        ++turned_away;
        socket->reset();
        return;
    }
    auto made = std::make_shared<ServerConnection>(std::move(socket), limits, bool(tls));
    const auto connection = connections.insert(connections.end(), std::move(made));
    boost::asio::co_spawn(executor, serve(shared_from_this(), *connection, std::move(place)),
                          [self = shared_from_this(), connection](std::exception_ptr thrown) {
                              if (thrown) (*connection)->reset();
                              self->remove(connection);
                          });
    if (full()) make_room();
    if (!ticking) {
        ticking = true;
        tick();
    }
}

/// The last place is taken, so nobody more is accepted until one is free. The one that goes is the
/// eldest of those that have their last answer and do not go, or the youngest idle one: where many come
/// at once, those that were there before are not the ones to suffer.
void HttpServer::Impl::make_room() {
    closing = true;
    for (const auto& one : connections)
        if (one->ending()) return one->reset();
    const auto idle = std::find_if(connections.rbegin(), connections.rend(),
                                   [](const auto& one) { return one->idle() && !one->silent(); });
    if (idle != connections.rend()) (*idle)->reset();
}

void HttpServer::Impl::remove(Connections::iterator connection) {
    connections.erase(connection);
    closing = stopping || full();
    room.cancel();
    if (connections.empty()) {
        ticker.cancel();
        drained.cancel();
    }
}

void HttpServer::Impl::tell_of_certificate() const {
    const auto news = tls->news();
    if (!news || !log) return;
    if (*news)
        log->write(Level::info, "certificate_renewed", {});
    else
        say(Level::error, "certificate_refused", news->error().message);
}

void HttpServer::Impl::tick() {
    ticker.expires_after(pace(limits));
    ticker.async_wait([self = shared_from_this()](boost::system::error_code) {
        if (self->connections.empty()) {
            self->ticking = false;
            return;
        }
        const auto now = SteadyClock::now();
        for (const auto& connection : self->connections) connection->look_at_time(now);
        self->tick();
    });
}

void HttpServer::Impl::stop_accepting() {
    stopping = closing = true;
    if (listener) listener->close();
    room.cancel();
    for (const auto& connection : connections) {
        if (connection->idle()) connection->reset();
    }
}

void HttpServer::Impl::reset_all() {
    for (const auto& connection : connections) connection->reset();
}

HttpServer::HttpServer(boost::asio::io_context& loop, ServerLimits limits, Handler handler,
                       Log& log)
    : impl_(std::make_shared<Impl>(loop, limits, std::move(handler), log)) {}

HttpServer::~HttpServer() {
    impl_->stop_accepting();
    impl_->reset_all();
    impl_->log = nullptr;
}

void HttpServer::relay_with(std::shared_ptr<Relay> relay) {
    impl_->relay = std::move(relay);
}

Result<std::uint16_t> HttpServer::listen(const std::string& host, std::uint16_t port,
                                         std::optional<ServerTls> tls, bool shared) {
    if (tls) {
        auto context = TlsContext::server(*tls);
        if (!context) return context.error();
        impl_->tls = std::move(*context);
    }
    if (const auto opened = impl_->open(host, port, shared); !opened) return opened.error();
    return impl_->listener->port();
}

Result<void> HttpServer::listen_beside(const HttpServer& first) {
    impl_->tls = first.impl_->tls;
    return impl_->open(first.impl_->host, first.impl_->listener->port(), true);
}

std::optional<Result<void>> HttpServer::renew_certificate() {
    return impl_->tls ? std::optional{impl_->tls->renew()} : std::nullopt;
}

std::uint64_t HttpServer::turned_away() const {
    return impl_->turned_away;
}

Async<void> HttpServer::stop(Deadline by) {
    auto impl = impl_;
    impl->stop_accepting();
    if (!impl->connections.empty()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(by.at - BootClock::now());
        co_await pause(impl->drained, std::max(left, std::chrono::milliseconds{0}));
    }
    impl->reset_all();
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
    const auto colon = text.rfind(':');
    ListenAddress address;
    if (colon != std::string_view::npos) {
        auto host = text.substr(0, colon);
        const auto port = parse_decimal(text.substr(colon + 1), 65535);
        const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
        if (bracketed) host = host.substr(1, host.size() - 2);
        const bool has_colon = host.find(':') != std::string_view::npos;
        if (port && !host.empty() && bracketed == has_colon && is_host(text)) {
            address.host = host;
            address.port = static_cast<std::uint16_t>(*port);
            return address;
        }
    }
    return Error{Fault::bad_input, "invalid_listen_address",
                 "\"" + printable(text) +
                     "\" is not an address to listen on. Write HOST:PORT, such as 127.0.0.1:8717, "
                     "or [::1]:8717."};
}

}  // namespace latchkey
