#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/async.h"
#include "net/http_server.h"
#include "net/request_head.h"
#include "net/sockets.h"

namespace latchkey {

/// Reads requests from one connection and writes answers to it, one after the other. Private to the
/// server, which says when and asks `look_at_time` a few times a second.
class ServerConnection {
public:
    /// `limits` must outlive this object.
    ServerConnection(std::unique_ptr<Socket> socket, const ServerLimits& limits, bool tls);

    /// What came of waiting for a request.
    struct Incoming {
        enum class Kind {
            request,  ///< `request` is whole
            refused,  ///< answer `refusal` and close
            ended,    ///< nobody is there to answer
        };
        Kind kind = Kind::ended;
        ServedRequest request;
        Refusal refusal{400, ""};
        bool keep_alive = false;
        bool http_1_0 = false;
    };

    /// False: the connection is not to be used.
    Async<bool> handshake(TlsContext context);
    Async<Incoming> read_request();
    /// Writes the whole answer, or what `reply` says instead. False: the connection is done for.
    Async<bool> write(Reply reply, bool head_only, bool keep_alive, bool http_1_0);
    Async<void> close();
    void reset() noexcept { socket_->reset(); }

    /// True between requests: nothing of the next one has come.
    bool idle() const { return idle_; }
    /// Interrupts the wait under way if its time has come.
    void look_at_time(std::chrono::steady_clock::time_point now);

private:
    enum class Read { some, expired, gone };
    Async<Read> read_more(std::size_t room);
    Async<Incoming> read_body(std::string_view head, const HeadFacts& facts, Incoming incoming);
    void allow(std::chrono::milliseconds wait);
    void allow_forever();

    std::unique_ptr<Socket> socket_;
    const ServerLimits& limits_;
    const bool tls_;
    std::string received_;  ///< bytes not yet understood
    bool idle_ = true;
    bool first_ = true;
    bool expired_ = false;
    std::chrono::steady_clock::time_point expires_ = std::chrono::steady_clock::time_point::max();
};

/// The body of an error that the server itself answers.
std::string error_body(std::string_view code, std::string_view message);

}  // namespace latchkey
