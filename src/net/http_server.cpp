#include "net/http_server.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include "base/text.h"
#include "net/http_server_impl.h"

namespace latchkey {

namespace {

using Impl = HttpServer::Impl;

/// How often waits are looked at: often enough for the shortest of them, seldom enough to cost
/// nothing. One timer for all connections instead of one or more for each.
std::chrono::milliseconds pace(const ServerLimits& limits) {
    const auto shortest = std::min({limits.head, limits.idle, limits.body, limits.write});
    return std::clamp(shortest / 4, std::chrono::milliseconds{2}, std::chrono::milliseconds{500});
}

Async<void> pause(Impl::Timer& timer, std::chrono::milliseconds wait) {
    timer.expires_after(wait);
    boost::system::error_code ignored;
    co_await timer.async_wait(boost::asio::redirect_error(use_task, ignored));
}

/// Why nobody was let in; empty: somebody was.
Async<std::string> accept_one(std::shared_ptr<Impl> server) {
    std::string why;
    try {
        boost::system::error_code failed;
        auto socket = co_await server->listener->accept(failed);
        if (failed) co_return failed.message();
        if (!server->stopping) server->add(std::move(socket));
    } catch (const std::exception& thrown) {
        why = printable(thrown.what());
    }
    co_return why;
}

Async<void> accept_all(std::shared_ptr<Impl> server) {
    constexpr std::chrono::milliseconds breath{50};
    constexpr std::chrono::milliseconds until_told{60000};
    bool told = false;
    while (!server->stopping) {
        if (server->full()) {
            co_await pause(server->room, until_told);
            continue;
        }
        const auto why = co_await accept_one(server);
        if (why.empty()) {
            told = false;
            continue;
        }
        // Mostly: no file descriptor is left. They come back when callers go.
        if (!told && !server->stopping) server->say(Level::warning, "accept_failed", why);
        told = true;
        co_await pause(server->room, breath);
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
    try {
        boost::asio::co_spawn(executor,
                              serve_connection(shared_from_this(), *connection, std::move(place)),
                              [self = shared_from_this(), connection](std::exception_ptr thrown) {
                                  if (thrown) (*connection)->reset();
                                  self->remove(connection);
                              });
    } catch (...) {
        connections.erase(connection);
        throw;
    }
    if (full()) make_room();
    if (!ticking) {
        tick();
        ticking = true;
    }
}

/// The last place is taken, so nobody more is accepted until one is free. The one that goes is the
/// eldest of those that have their last answer and do not go, or the youngest idle one: where many come
/// at once, those that were there before are not the ones to suffer.
void HttpServer::Impl::make_room() {
    closing = true;
    for (const auto& one : connections)
        if (one->ending()) return one->leave();
    const auto idle = std::find_if(connections.rbegin(), connections.rend(),
                                   [](const auto& one) { return one->idle() && !one->silent(); });
    if (idle != connections.rend()) (*idle)->leave();
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
        if (connection->idle()) connection->leave();
    }
}

void HttpServer::Impl::reset_all() {
    // Who has his last answer is only being waited for.
    for (const auto& connection : connections)
        connection->ending() ? connection->leave() : connection->reset();
}

HttpServer::HttpServer(boost::asio::io_context& loop, ServerLimits limits, Handler handler,
                       Log& log)
    : impl_(std::make_shared<Impl>(loop, limits, std::move(handler), log)) {}

HttpServer::~HttpServer() {
    impl_->stop_accepting();
    impl_->reset_all();
    impl_->log = nullptr;
}

void HttpServer::stop_accepting() {
    impl_->stop_accepting();
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
        const auto wait = std::max(left, std::chrono::milliseconds{0});
        co_await pause(impl->drained, wait);
    }
    impl->reset_all();
}

}  // namespace latchkey
