#include "net/tcp_socket.h"

#include <cerrno>
#include <chrono>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// A socket from its making to its end.
namespace latchkey {

namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;
using boost::system::error_code;

constexpr auto close_patience = std::chrono::seconds{2};
/// No bytes of the caller's: what TLS has to say is written.
constexpr std::string_view nothing;

}  // namespace

error_code TcpSocket::last_error() {
    return {errno, boost::system::system_category()};
}

TcpSocket::TcpSocket(Executor on, int fd, std::string peer, error_code& failed)
    : on_(on), peer_(std::move(peer)) {
    adopt(fd, failed);
    set_up();
}

TcpSocket::~TcpSocket() {
    leave();
}

Async<void> TcpSocket::connect(std::string address, std::uint16_t port, std::string from,
                               error_code& failed) {
    const auto there = asio::ip::make_address(address, failed);
    if (failed) co_return;
    const Tcp::endpoint endpoint{there, port};
    adopt(::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
          failed);
    if (failed) co_return;
    if (!from.empty()) {
        const auto here = asio::ip::make_address(from, failed);
        if (failed) co_return;
        const Tcp::endpoint source{here, 0};
        if (::bind(fd_, source.data(), static_cast<socklen_t>(source.size())) != 0)
            failed = last_error();
        if (failed) co_return;
    }
    may_write_ = false;
    if (::connect(fd_, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
        if (errno != EINPROGRESS) failed = last_error();
        if (failed) co_return;
        const bool told = co_await until_writable();
        if (!told) failed = asio::error::operation_aborted;
        if (failed) co_return;
        int why = 0;
        socklen_t size = sizeof why;
        ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &why, &size);
        failed = error_code{why, boost::system::system_category()};
        if (failed) co_return;
    }
    may_write_ = true;
    Tcp::endpoint reached;
    auto size = static_cast<socklen_t>(reached.capacity());
    if (::getpeername(fd_, reached.data(), &size) == 0) {
        reached.resize(size);
        peer_ = reached.address().to_string();
    }
    set_up();
}

Async<void> TcpSocket::handshake(std::unique_ptr<TlsEngine> tls, std::string& why,
                                 error_code& failed) {
    tls_ = std::move(tls);
    for (;;) {
        const auto step = tls_->handshake();
        std::size_t handed = 0;
        co_await write(nothing, handed, failed);
        if (step == TlsEngine::Step::failed || step == TlsEngine::Step::ended) {
            why = tls_->why();
            failed = boost::system::errc::make_error_code(boost::system::errc::protocol_error);
            co_return;
        }
        if (failed || step == TlsEngine::Step::done) co_return;
        while (!feed(sealed_bytes, failed)) {
            if (failed) co_return;
            const bool told = co_await until_readable();
            if (!told) failed = asio::error::operation_aborted;
            if (failed) co_return;
        }
    }
}

Async<void> TcpSocket::close() {
    if (!is_open()) co_return;
    // The timer's handler may run after this coroutine has gone on, hence the shared flag.
    auto waiting = std::make_shared<bool>(true);
    Timer patience{on_, close_patience};
    patience.async_wait([this, waiting](error_code stopped) {
        if (*waiting && !stopped && is_open()) shut();
    });
    error_code failed;
    if (tls_) {
        tls_->say_goodbye();
        std::size_t handed = 0;
        co_await write(nothing, handed, failed);
    }
    if (is_open()) ::shutdown(fd_, SHUT_WR);
    // Closing with unread bytes would make the kernel reset the connection and throw away what
    // the peer has not read yet (RFC 9112 section 9.6).
    for (bool told = is_open(); told && !failed;) {
        receive(scratch(), failed);
        // Also where there is more already, so that others have their turn.
        if (!failed) told = co_await until_readable();
    }
    *waiting = false;
    patience.cancel();
    if (is_open()) shut();
}

void TcpSocket::leave() noexcept {
    if (!is_open()) return;
    // The peer sees an orderly end wherever its window is open.
    if (tls_) {
        tls_->say_goodbye();
        offer();
    }
    shut();
}

void TcpSocket::reset() noexcept {
    if (!is_open()) return;
    const ::linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    shut();
}

bool TcpSocket::hung_up() {
    if (!is_open()) return true;
    ::pollfd look{fd_, POLLRDHUP, 0};
    return ::poll(&look, 1, 0) > 0;
}

Async<void> TcpSocket::delivered() {
    constexpr auto pause = std::chrono::milliseconds{1};
    Timer timer{on_};
    for (int i = 0; i < 1000 && is_open(); ++i) {
        int unsent = 0;
        if (::ioctl(fd_, SIOCOUTQ, &unsent) != 0 || unsent == 0) co_return;
        timer.expires_after(pause);
        error_code failed;
        co_await timer.async_wait(asio::redirect_error(use_task, failed));
        if (failed) co_return;
    }
}

void TcpSocket::adopt(int fd, error_code& failed) {
    failed = {};
    if (fd < 0) failed = last_error();
    if (failed) return;
    readiness_ = &Readiness::of(on_);
    if (!readiness_->add(fd, *this)) {
        failed = last_error();
        ::close(fd);
        return;
    }
    fd_ = fd;
}

void TcpSocket::set_up() const {
    const int on = 1;
    if (is_open()) ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void TcpSocket::shut() noexcept {
    readiness_->remove(fd_);
    ::close(fd_);
    fd_ = -1;
    interrupt();
}

std::unique_ptr<Socket> make_socket(Executor on) {
    return std::make_unique<TcpSocket>(on);
}

std::unique_ptr<Socket> make_socket(Executor on, int descriptor, std::string peer,
                                    boost::system::error_code& failed) {
    auto made = std::make_unique<TcpSocket>(on, descriptor, std::move(peer), failed);
    if (failed) return nullptr;
    return made;
}

}  // namespace latchkey
