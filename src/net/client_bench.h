#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "net/net_transport.h"
#include "tests/support/raw_socket.h"
#include "tests/support/run.h"

namespace latchkey::test {

inline Origin loopback(std::uint16_t port, bool tls = false) {
    Origin origin;
    origin.tls = tls;
    origin.host = "127.0.0.1";
    origin.port = port;
    return origin;
}

/// Options for tests that are not about time: a loaded machine must not fail them.
inline NetOptions patient() {
    NetOptions options;
    options.limits.resolve_and_connect = std::chrono::seconds{60};
    options.limits.tls_handshake = std::chrono::seconds{60};
    return options;
}

/// A transport that may reach one origin, and the loop it runs on.
struct ClientBench {
    /// Whether the origin was configured, as one of a test is that listens on loopback.
    enum class Reach { also_private, only_public };
    explicit ClientBench(Origin origin, NetOptions options = patient(),
                         Reach reach = Reach::also_private)
        : to(std::move(origin)) {
        if (reach == Reach::also_private) options.private_origins.push_back(to);
        transport.emplace(std::move(options), clock);
    }

    Result<HttpResponse> send(HttpRequest request) {
        return run(loop, transport->send(to, std::move(request), in(60000)));
    }
    Result<HttpResponse> get() { return send(HttpRequest{"GET", "/x"}); }
    Result<std::unique_ptr<Line>> dial() { return run(loop, transport->dial(to, in(60000))); }
    /// A refresh as the token endpoint sends it: on a line of its own.
    Result<HttpResponse> post_once(std::string body) {
        auto line = dial();
        if (!line) return line.error();
        return run(loop, (*line)->send_once(HttpRequest{"POST", "/token", {}, std::move(body)},
                                            clock.steady() + std::chrono::seconds{60}, in(60000)));
    }
    Deadline in(int ms) const { return clock.in(std::chrono::milliseconds{ms}); }

    Origin to;
    SystemClock clock;
    boost::asio::io_context loop;
    std::optional<NetTransport> transport;
};

/// A server that does to each of its connections, one after the other, what a test says.
class ScriptedServer {
public:
    explicit ScriptedServer(std::function<void(RawSocket&)> script, int connections = 1)
        : thread_([this, script = std::move(script), connections] {
              for (int i = 0; i < connections; ++i) {
                  auto socket = listener_.accept();
                  if (socket.fd() < 0) return;
                  script(socket);
              }
          }) {}
    ~ScriptedServer() { join(); }

    void join() {
        if (thread_.joinable()) thread_.join();
    }
    Origin origin() const { return loopback(listener_.port()); }
    RawListener& listener() { return listener_; }

    /// Reads one request without a body and answers with `bytes`.
    static std::function<void(RawSocket&)> answering(std::string bytes) {
        return [bytes = std::move(bytes)](RawSocket& socket) {
            socket.read_until("\r\n\r\n");
            socket.send(bytes);
        };
    }

private:
    RawListener listener_;
    std::thread thread_;
};

}  // namespace latchkey::test
