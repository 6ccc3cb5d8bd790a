#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/use_awaitable.hpp>

#include "net/readiness.h"
#include "net/sockets.h"

namespace latchkey {

/// What asks the kernel about one descriptor, and whoever waits for it. Private to the three files that
/// it is written in: tcp_socket.cpp, from its making to its end; tcp_bytes.cpp, what is read and
/// written without waiting; tcp_waiting.cpp, who waits and how he is told.
class TcpSocket final : public Socket, private Ready {
public:
    explicit TcpSocket(Executor on) : on_(on) {}
    /// Takes over a connection that was accepted.
    TcpSocket(Executor on, int fd, std::string peer, boost::system::error_code& failed);
    ~TcpSocket() override;

    Async<void> connect(std::string address, std::uint16_t port, std::string from,
                        boost::system::error_code& failed) override;
    Async<void> handshake(std::unique_ptr<TlsEngine> tls, std::string& why,
                          boost::system::error_code& failed) override;
    Async<std::size_t> read_some(std::span<char> into, boost::system::error_code& failed) override;
    std::optional<std::size_t> read_now(std::span<char> into,
                                        boost::system::error_code& failed) override;
    Async<bool> until_some() override;
    bool write_now(std::string_view& bytes, std::size_t& handed,
                   boost::system::error_code& failed) override;
    Async<void> write(std::string_view bytes, std::size_t& handed,
                      boost::system::error_code& failed) override;
    Async<void> close() override;
    void reset() noexcept override;
    void leave() noexcept override;
    void interrupt() noexcept override;
    bool stale() override;
    bool quiet() const override;
    bool hung_up() override;
    std::string peer() const override { return peer_; }
    Async<void> delivered() override;

private:
    template <class... Result>
    using Then = typename boost::asio::async_result<boost::asio::use_awaitable_t<Executor>,
                                                    void(Result...)>::handler_type;
    using OnRead = Then<std::size_t>;
    using OnReady = Then<bool>;

    /// A read that waits.
    struct Reading {
        OnRead then;
        std::span<char> into;
        boost::system::error_code* failed;
        Reading(OnRead&& t, std::span<char> i, boost::system::error_code& f)
            : then(std::move(t)), into(i), failed(&f) {}
    };

    // From its making to its end.
    bool is_open() const { return fd_ >= 0; }
    static boost::system::error_code last_error();
    void adopt(int fd, boost::system::error_code& failed);
    void set_up() const;
    void shut() noexcept;

    // Who waits.
    static std::optional<OnReady> taken(std::optional<OnReady>* from);
    template <class Handler, class Outcome>
    void finish(Handler&& then, Outcome outcome);
    template <class Handler>
    void obey_cancellation(Handler& then);
    void begin_read(OnRead&& then, std::span<char> into, boost::system::error_code& failed);
    Async<bool> until(std::optional<OnReady>& waits, const bool& may);
    /// False: this socket was closed or interrupted.
    Async<bool> until_readable() { return until(readable_, may_read_); }
    Async<bool> until_writable() { return until(writable_, may_write_); }
    void on_ready(bool readable, bool writable, bool ended) override;
    void abandon() noexcept override;

    // Bytes, without waiting.
    static std::span<char> scratch();
    std::optional<std::size_t> take(std::span<char> into, boost::system::error_code& failed);
    std::size_t feed(std::size_t room, boost::system::error_code& failed);
    std::optional<std::size_t> receive(std::span<char> into, boost::system::error_code& failed);
    bool send(std::string_view& bytes, std::size_t& handed, boost::system::error_code& failed);
    void offer();

    static constexpr std::size_t one_record = 17 * 1024;    ///< of TLS at its largest
    static constexpr std::size_t sealed_bytes = 72 * 1024;  ///< four of them with one read
    // A peer may let TLS talk to itself (key updates, alerts), and have it answer, but not for ever.
    static constexpr std::size_t most_without_plain = 128 * 1024;
    static constexpr std::size_t most_unsent = 256 * 1024;

    const Executor on_;
    Readiness* readiness_ = nullptr;  ///< once there is a descriptor
    int fd_ = -1;
    // What the system said last, and what trying has shown since: false means that it will tell.
    bool may_read_ = false;
    bool may_write_ = true;
    bool ended_ = false;
    bool was_lost_ = false;
    std::size_t without_plain_ = 0;  ///< sealed bytes since the last one meant for a reader
    std::optional<Reading> reading_;
    std::optional<OnReady> readable_;
    std::optional<OnReady> writable_;
    std::unique_ptr<TlsEngine> tls_;
    std::string peer_;
};

}  // namespace latchkey
