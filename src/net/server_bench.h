#pragma once

#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>

#include "net/http_server.h"
#include "tests/support/raw_socket.h"

namespace latchkey::test {

/// A server on a thread of its own whose handler tells the caller what it saw, for tests that talk
/// to it byte by byte.
class ServerBench {
public:
    explicit ServerBench(ServerLimits limits = {}, std::optional<ServerTls> tls = std::nullopt)
        : server_(
              loop_, limits,
              [this](ServedRequest request) { return handle(this, std::move(request)); }, log_) {
        port = server_.listen("127.0.0.1", 0, std::move(tls)).value();
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~ServerBench() {
        if (!stopped_) stop(std::chrono::milliseconds{2000});
        thread_.join();
    }

    /// Sends `bytes` on a new connection and returns everything until the server closes it.
    std::string exchange(std::string_view bytes) {
        auto socket = RawSocket::connect(port);
        socket.send(bytes);
        return socket.read_to_end();
    }
    /// The same with a caller who has nothing more to say.
    std::string exchange_and_end(std::string_view bytes) {
        auto socket = RawSocket::connect(port);
        socket.send(bytes);
        socket.end_sending();
        return socket.read_to_end();
    }

    void stop(std::chrono::milliseconds within) {
        stopped_ = true;
        boost::asio::co_spawn(loop_, server_.stop(Deadline::in(within)), boost::asio::use_future)
            .get();
    }

    const HttpServer& server() const { return server_; }

    /// What the handler answers where the default (200 and an echo) is not what the test needs.
    /// Called on the server's thread.
    std::function<Async<Reply>(ServedRequest)> handler;

    std::vector<ServedRequest> seen() {
        std::lock_guard hold{mutex_};
        return seen_;
    }

    std::uint16_t port = 0;

private:
    static Async<Reply> handle(ServerBench* self, ServedRequest request) {
        {
            std::lock_guard hold{self->mutex_};
            self->seen_.push_back(request);
        }
        if (self->handler) {
            auto reply = co_await self->handler(std::move(request));
            co_return reply;
        }
        Reply echo{200,
                   {{"X-Method", request.method}},
                   request.method + " " + request.target + " [" + request.body + "]"};
        co_return echo;
    }

    NoLog log_;
    std::mutex mutex_;
    std::vector<ServedRequest> seen_;
    boost::asio::io_context loop_;
    HttpServer server_;
    std::thread thread_;
    bool stopped_ = false;
};

}  // namespace latchkey::test
