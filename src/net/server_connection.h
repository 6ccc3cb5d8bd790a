#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/async.h"
#include "net/http_server.h"
#include "net/request_head.h"
#include "net/sockets.h"

namespace latchkey {

/// Something that waits and is looked at a few times a second.
class Timed {
public:
    virtual void look_at_time(std::chrono::steady_clock::time_point now) = 0;

protected:
    ~Timed() = default;
};

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
    /// A request's head is expected from here on. As long as this and `take_head` return nothing, the
    /// socket's `until_some` has to be awaited and what it says handed on to `take_head`: a coroutine
    /// that did so would cost more than the reading. Of `Incoming` only kind, refusal, keep_alive and
    /// http_1_0 are set; the head itself is in `head`.
    std::optional<Incoming> expect_head();
    std::optional<Incoming> take_head(bool told);
    /// Reads what is left of the request whose head was read.
    Async<Incoming> read_request(Incoming incoming);
    /// Writes the whole answer, or what `reply` says instead. False: the connection is done for.
    Async<bool> write(Reply reply, bool head_only, bool keep_alive, bool http_1_0);
    Async<void> close();
    void reset() noexcept { socket_->reset(); }
    void leave() noexcept { socket_->leave(); }

    /// The head that was read last; views into bytes that stay until `consume`.
    const RequestHead& head() const { return head_; }
    /// Bytes that came behind the head; the same holds for them.
    std::string_view behind_head() const { return std::string_view{received_}.substr(head_bytes_); }
    /// Lets go of the head and of `bytes` behind it.
    void consume(std::size_t bytes);
    /// Bytes that were read beyond a request; `consume` has left none.
    void put_back(std::string_view bytes) { received_.append(bytes); }
    Socket& socket() { return *socket_; }
    const ServerLimits& limits() const { return limits_; }
    /// While set, it is asked about time instead of this connection's own waits.
    void lend_time_to(Timed* guest) { guest_ = guest; }

    /// True between requests: nothing of the next one has come.
    bool idle() const { return idle_; }
    /// True once it only waits for the caller's end.
    bool ending() const { return ending_; }
    /// True until its first head has come whole.
    bool silent() const { return first_; }
    /// Interrupts the wait under way if its time has come.
    void look_at_time(std::chrono::steady_clock::time_point now);

private:
    enum class Read { some, expired, gone };
    Async<Read> read_more(std::size_t bytes);
    std::span<char> make_room(std::size_t bytes);
    Read took(std::size_t room, std::size_t bytes, const boost::system::error_code& failed);
    std::optional<Incoming> look_for_head();
    Incoming refused(const Refusal& refusal) const;
    void allow(std::chrono::milliseconds wait);
    void allow_forever();

    std::unique_ptr<Socket> socket_;
    const ServerLimits& limits_;
    const bool tls_;
    std::string received_;  ///< bytes not yet let go of; begins with the head once that is read
    RequestHead head_;
    std::size_t head_bytes_ = 0;
    std::size_t looked_at_ = 0;  ///< of `received_`: there is no end of a head among them
    Timed* guest_ = nullptr;
    bool idle_ = true;
    bool first_ = true;
    bool ending_ = false;
    bool expired_ = false;
    std::chrono::steady_clock::time_point expires_ = std::chrono::steady_clock::time_point::max();
};

/// The body of an error that the server itself answers.
std::string error_body(std::string_view code, std::string_view message);

}  // namespace latchkey
