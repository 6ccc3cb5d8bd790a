#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <latchkey/time.h>

#include "base/async.h"
#include "base/log.h"
#include "net/http.h"

namespace latchkey {

class Relay;

struct ServerTls {
    std::string certificate_file;  ///< PEM, chain included
    std::string key_file;          ///< PEM
};

/// Bounds towards callers. A request over a bound is answered (408, 413, 414, 431) and the
/// connection closed.
struct ServerLimits {
    std::chrono::milliseconds head{10000};   ///< from its first byte to its end
    std::chrono::milliseconds idle{75000};   ///< between requests
    std::chrono::milliseconds body{30000};   ///< whole body
    std::chrono::milliseconds write{30000};  ///< whole answer
    std::size_t head_bytes = 32 * 1024;      ///< all header lines: 431
    std::size_t target_bytes = 16 * 1024;    ///< 414
    std::size_t header_lines = 100;          ///< 431
    std::size_t body_bytes = 1024 * 1024;    ///< 413
    /// Further ones wait in the listener's queue. So that their wait is short, a full server closes a
    /// connection that has had its last answer, or the youngest idle one, and every other one behind
    /// its next answer.
    std::size_t connections = 10000;
    /// Connections of one address, or of one /64 of IPv6, that have not sent their first head yet; the
    /// newest beyond them is closed at once. At most half of `connections`. Behind a load balancer
    /// everybody has its address.
    std::size_t silent_per_address = 4000;
};

/// One request, wholly read.
struct ServedRequest {
    std::string method;
    std::string target;  ///< as received, origin-form
    std::string path;    ///< bytes before the '?', not decoded
    std::string query;   ///< bytes after it
    Headers headers;
    std::string body;  ///< framing removed
    std::string peer;  ///< numeric address of the connection's other end
    bool tls = false;
};

/// One answer. The server adds Date-free framing only: Content-Length and Connection.
struct Reply {
    int status = 200;
    Headers headers;
    std::string body;
    bool close = false;  ///< close after this answer
    // What the emulator needs to misbehave on purpose:
    bool reset = false;                 ///< no answer: reset the connection
    std::optional<std::size_t> cut_at;  ///< reset after so many bytes of the answer, head included
    std::function<void(bool whole)> sent;  ///< told whether every byte was handed to an open socket

    Reply() = default;
    Reply(int s, Headers h = {}, std::string b = {})
        : status(s), headers(std::move(h)), body(std::move(b)) {}
};

/// Answers a request. It runs on the server's loop, and goes on when the caller has gone away.
using Handler = std::function<Async<Reply>(ServedRequest)>;

/// HTTP/1.1 server on one loop. Parses strictly: no bare LF, folding, blank before a colon, second
/// Content-Length, Content-Length beside Transfer-Encoding, coding other than one "chunked",
/// request without exactly one Host. A request that is not HTTP is answered 400 and the connection
/// closed. Answers requests of one connection in order. `Expect: 100-continue` is answered here.
class HttpServer {
public:
    /// `loop` and `log` must outlive this object.
    HttpServer(boost::asio::io_context& loop, ServerLimits limits, Handler handler, Log& log);
    ~HttpServer();

    /// Requests that `relay` wants go to it, as bytes, on the same connections; all others to the
    /// handler. Called before `listen`.
    void relay_with(std::shared_ptr<Relay> relay);

    /// Binds and starts to accept. Port 0 takes a free one. With `shared`, servers of other loops of
    /// this process may listen at the same place, and the kernel deals connections out among them.
    /// returns  the port
    /// errors   misconfigured  address_in_use, invalid_listen_address, tls_files
    Result<std::uint16_t> listen(const std::string& host, std::uint16_t port,
                                 std::optional<ServerTls> tls = std::nullopt, bool shared = false);

    /// Listens once more, shared, at the place where `first` listens, under the very certificate that
    /// it shows: what either finds renewed, both show.
    /// errors   misconfigured  address_in_use
    Result<void> listen_beside(const HttpServer& first);

    /// Reads the files of the certificate again, changed or not. New connections are shown what they
    /// give; files that cannot be used change nothing. nullopt: no certificate is configured.
    /// errors   misconfigured  tls_files
    std::optional<Result<void>> renew_certificate();

    /// Lets nobody in from here on, and closes idle connections; others are closed behind the answer
    /// that is under way. `stop` does it too: for one of several servers that are to end together.
    void stop_accepting();

    /// Stops accepting, closes idle connections, and waits for requests under way until `by`; then
    /// resets what is left.
    Async<void> stop(Deadline by);

    /// How many connections were closed at once. Safe from any thread.
    std::uint64_t turned_away() const;

    struct Impl;  // shared with the connections, which may outlive this object for a moment

private:
    std::shared_ptr<Impl> impl_;
};

}  // namespace latchkey
