#include "net/stream.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/text.h"
#include "net/sockets.h"

namespace latchkey {

namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using RawSocket = asio::basic_stream_socket<Tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;
using boost::system::error_code;

constexpr auto close_patience = std::chrono::seconds{1};
constexpr std::size_t drain_bytes = 64 * 1024;
constexpr std::size_t sealed_bytes = 72 * 1024;  // four full TLS records with one read

/// What was read of a socket but not handed on yet lives only between two awaits, so one piece of
/// memory a thread is enough for any number of idle connections.
std::span<char> scratch() {
    thread_local std::array<char, sealed_bytes> bytes;
    return bytes;
}

class TcpSocket final : public Socket {
public:
    explicit TcpSocket(Executor on) : socket_(on) {}
    explicit TcpSocket(RawSocket&& accepted) : socket_(std::move(accepted)) { set_up(); }

    ~TcpSocket() override {
        if (!socket_.is_open() || !tls_) return;
        // Without waiting: the peer sees an orderly end wherever its window is open.
        tls_->say_goodbye();
        offer();
    }

    Async<void> connect(std::string address, std::uint16_t port, std::string from,
                        error_code& failed) override {
        const auto there = asio::ip::make_address(address, failed);
        if (failed) co_return;
        socket_.open(there.is_v6() ? Tcp::v6() : Tcp::v4(), failed);
        if (failed) co_return;
        if (!from.empty()) {
            const auto here = asio::ip::make_address(from, failed);
            if (failed) co_return;
            socket_.bind(Tcp::endpoint{here, 0}, failed);
            if (failed) co_return;
        }
        const Tcp::endpoint endpoint{there, port};
        co_await socket_.async_connect(endpoint, asio::redirect_error(use_task, failed));
        if (!failed) set_up();
    }

    Async<void> handshake(std::unique_ptr<TlsEngine> tls, std::string& why,
                          error_code& failed) override {
        tls_ = std::move(tls);
        for (;;) {
            const auto step = tls_->handshake();
            co_await flush(failed);
            if (step == TlsEngine::Step::failed || step == TlsEngine::Step::ended) {
                why = tls_->why();
                failed = boost::system::errc::make_error_code(boost::system::errc::protocol_error);
                co_return;
            }
            if (failed || step == TlsEngine::Step::done) co_return;
            co_await feed(failed);
            if (failed) co_return;
        }
    }

    Async<std::size_t> read_some(std::span<char> into, error_code& failed) override {
        failed = {};
        if (!tls_) {
            co_return co_await socket_.async_read_some(asio::buffer(into.data(), into.size()),
                                                       asio::redirect_error(use_task, failed));
        }
        for (;;) {
            std::size_t got = 0;
            const auto step = tls_->read(into, got);
            if (!writing_) offer();  // an alert, or the answer to a key update
            if (step == TlsEngine::Step::done) co_return got;
            if (step == TlsEngine::Step::ended) failed = asio::error::eof;
            if (step == TlsEngine::Step::failed) failed = asio::error::connection_aborted;
            if (failed) co_return 0;
            co_await feed(failed);
            // An end without close_notify may be an attacker's cut: never an orderly end.
            if (failed == asio::error::eof) failed = asio::error::connection_reset;
            if (failed) co_return 0;
        }
    }

    Async<void> write(std::string_view bytes, std::size_t& handed, error_code& failed) override {
        handed = 0;
        failed = {};
        if (!tls_) {
            co_await send(bytes, handed, failed);
            co_return;
        }
        const auto whole = bytes.size();
        while (!bytes.empty()) {
            std::size_t taken = 0;
            if (tls_->write(bytes, taken) != TlsEngine::Step::done) {
                failed = asio::error::connection_aborted;
                co_return;
            }
            bytes.remove_prefix(taken);
            const bool some = co_await flush(failed);
            if (some) handed = whole;
            if (failed) co_return;
        }
    }

    Async<void> close() override {
        if (!socket_.is_open()) co_return;
        // The timer's handler may run after this coroutine has gone on, hence the shared flag.
        auto waiting = std::make_shared<bool>(true);
        Timer patience{socket_.get_executor(), close_patience};
        patience.async_wait([this, waiting](error_code stopped) {
            if (*waiting && !stopped) reset();
        });
        error_code failed;
        if (tls_) {
            tls_->say_goodbye();
            co_await flush(failed);
        }
        error_code ignored;
        socket_.shutdown(Tcp::socket::shutdown_send, ignored);
        // Closing with unread bytes would make the kernel reset the connection and throw away what
        // the peer has not read yet (RFC 9112 section 9.6).
        std::size_t drained = 0;
        while (!failed && drained < drain_bytes) {
            co_await socket_.async_wait(RawSocket::wait_read,
                                        asio::redirect_error(use_task, failed));
            if (failed) break;
            drained += socket_.read_some(asio::buffer(scratch().data(), scratch().size()), failed);
            if (failed == asio::error::would_block) failed = {};
        }
        *waiting = false;
        patience.cancel();
        socket_.close(ignored);
    }

    void reset() noexcept override {
        if (!socket_.is_open()) return;
        const ::linger at_once{1, 0};
        ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        error_code ignored;
        socket_.close(ignored);
    }

    void interrupt() noexcept override {
        error_code ignored;
        socket_.cancel(ignored);
    }

    bool stale() override {
        if (!socket_.is_open()) return true;
        error_code failed;
        if (!tls_) {
            char byte = 0;
            const auto seen = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
            return !(seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
        }
        // What came may be a session ticket, which is nothing to worry about.
        const auto got =
            socket_.read_some(asio::buffer(scratch().data(), scratch().size()), failed);
        if (failed && failed != asio::error::would_block) return true;
        tls_->feed({scratch().data(), got});
        char byte = 0;
        std::size_t plain = 0;
        return tls_->read({&byte, 1}, plain) != TlsEngine::Step::hungry;
    }

    bool hung_up() override {
        if (!socket_.is_open()) return true;
        ::pollfd look{socket_.native_handle(), POLLRDHUP, 0};
        return ::poll(&look, 1, 0) > 0;
    }

    std::string peer() const override { return peer_; }

    Async<void> delivered() override {
        constexpr auto pause = std::chrono::milliseconds{1};
        Timer timer{socket_.get_executor()};
        for (int i = 0; i < 1000 && socket_.is_open(); ++i) {
            int unsent = 0;
            if (::ioctl(socket_.native_handle(), SIOCOUTQ, &unsent) != 0 || unsent == 0) co_return;
            timer.expires_after(pause);
            error_code failed;
            co_await timer.async_wait(asio::redirect_error(use_task, failed));
            if (failed) co_return;
        }
    }

private:
    void set_up() {
        error_code ignored;
        socket_.set_option(Tcp::no_delay{true}, ignored);
        socket_.non_blocking(true, ignored);
        const auto there = socket_.remote_endpoint(ignored);
        if (!ignored) peer_ = there.address().to_string();
    }

    /// Gives sealed bytes to the engine: at least one, or `failed`.
    Async<void> feed(error_code& failed) {
        for (;;) {
            const auto got =
                socket_.read_some(asio::buffer(scratch().data(), scratch().size()), failed);
            if (!failed) {
                tls_->feed({scratch().data(), got});
                co_return;
            }
            if (failed != asio::error::would_block) co_return;
            co_await socket_.async_wait(RawSocket::wait_read,
                                        asio::redirect_error(use_task, failed));
            if (failed) co_return;
        }
    }

    /// Sends what the kernel takes of the sealed bytes without waiting; the rest goes with the next
    /// write, which may come at any moment and must find no other under way.
    void offer() {
        const auto sealed = tls_->outgoing();
        if (sealed.empty()) return;
        error_code ignored;
        tls_->sent(socket_.write_some(asio::buffer(sealed.data(), sealed.size()), ignored));
    }

    /// Sends what the engine has sealed. True if the kernel took any of it.
    Async<bool> flush(error_code& failed) {
        failed = {};
        bool some = false;
        while (!failed && !tls_->outgoing().empty()) {
            // Copied, because a read that comes between may make the engine's buffer move.
            sealed_.assign(tls_->outgoing());
            tls_->sent(sealed_.size());
            writing_ = true;
            std::size_t handed = 0;
            co_await send(sealed_, handed, failed);
            writing_ = false;
            some = some || handed > 0;
        }
        if (sealed_.capacity() > 4096) std::string{}.swap(sealed_);
        co_return some;
    }

    Async<void> send(std::string_view bytes, std::size_t& handed, error_code& failed) {
        while (!bytes.empty()) {
            const auto n = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), failed);
            handed += n;
            bytes.remove_prefix(n);
            if (!failed) continue;
            if (failed != asio::error::would_block) co_return;
            co_await socket_.async_wait(RawSocket::wait_write,
                                        asio::redirect_error(use_task, failed));
            if (failed) co_return;
        }
    }

    RawSocket socket_;
    std::unique_ptr<TlsEngine> tls_;
    std::string sealed_;
    bool writing_ = false;
    std::string peer_;
};

class TcpListener final : public Listener {
public:
    explicit TcpListener(Acceptor&& acceptor) : acceptor_(std::move(acceptor)) {
        error_code ignored;
        port_ = acceptor_.local_endpoint(ignored).port();
    }

    std::uint16_t port() const override { return port_; }

    Async<std::unique_ptr<Socket>> accept(error_code& failed) override {
        RawSocket socket{acceptor_.get_executor()};
        co_await acceptor_.async_accept(socket, asio::redirect_error(use_task, failed));
        std::unique_ptr<Socket> made;
        if (!failed) made = std::make_unique<TcpSocket>(std::move(socket));
        co_return made;
    }

    void close() noexcept override {
        error_code ignored;
        acceptor_.close(ignored);
    }

private:
    Acceptor acceptor_;
    std::uint16_t port_ = 0;
};

}  // namespace

std::unique_ptr<Socket> make_socket(Executor on) {
    return std::make_unique<TcpSocket>(on);
}

Result<std::unique_ptr<Listener>> open_listener(Executor on, const std::string& host,
                                                std::uint16_t port, bool shared) {
    const auto refused = [&](const char* code, const std::string& why) {
        return Error{
            Fault::misconfigured, code,
            "Cannot listen on " + printable(host) + " port " + std::to_string(port) + ": " + why};
    };
    error_code failed;
    const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, failed);
    if (failed) {
        return refused("invalid_listen_address",
                       "it is not a numeric address of this machine. Name one, or localhost.");
    }
    const Tcp::endpoint here{address, port};
    Acceptor acceptor{on};
    acceptor.open(here.protocol(), failed);
    if (!failed) acceptor.set_option(Acceptor::reuse_address{true}, failed);
    using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
    if (!failed && shared) acceptor.set_option(ReusePort{true}, failed);
    if (!failed) acceptor.bind(here, failed);
    if (!failed) acceptor.listen(Acceptor::max_listen_connections, failed);
    if (failed == asio::error::address_in_use) {
        return refused("address_in_use", "another program does. Stop it or choose another port.");
    }
    if (failed) {
        return refused(
            "invalid_listen_address",
            failed.message() + ". Choose an address of this machine and a port you may use.");
    }
    return std::unique_ptr<Listener>{new TcpListener(std::move(acceptor))};
}

}  // namespace latchkey
