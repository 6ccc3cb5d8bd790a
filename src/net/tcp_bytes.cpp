#include <algorithm>
#include <array>
#include <cerrno>

#include <boost/asio/error.hpp>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/tcp_socket.h"

// What is read and written without waiting, with TLS or without.
namespace latchkey {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif

// Without the C library's own functions, which in a program of several threads make each call a point
// where a thread could be cancelled; nothing here waits, and nobody cancels threads. Sanitizers watch
// the library's.
long receive_now(int fd, char* into, std::size_t size) {
    if (sanitized) return ::recv(fd, into, size, MSG_DONTWAIT);
    return ::syscall(SYS_recvfrom, fd, into, size, MSG_DONTWAIT, nullptr, nullptr);
}
long send_now(int fd, const char* bytes, std::size_t size) {
    if (sanitized) return ::send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return ::syscall(SYS_sendto, fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
}

}  // namespace

/// What was read of a socket but not handed on yet lives only between two awaits, so one piece of
/// memory a thread is enough for any number of idle connections.
std::span<char> TcpSocket::scratch() {
    thread_local std::array<char, sealed_bytes> bytes;
    return bytes;
}

std::optional<std::size_t> TcpSocket::read_now(std::span<char> into, error_code& failed) {
    failed = {};
    return take(into, failed);
}

bool TcpSocket::write_now(std::string_view& bytes, std::size_t& handed, error_code& failed) {
    failed = {};
    if (!tls_) return send(bytes, handed, failed);
    const auto whole = std::max<std::size_t>(bytes.size(), 1);
    for (;;) {
        auto sealed = tls_->outgoing();
        if (!sealed.empty()) {
            const auto size = sealed.size();
            std::size_t sent = 0;
            const bool over = send(sealed, sent, failed);
            if (sent > 0 && handed == 0) handed = whole;
            tls_->sent(size - sealed.size());
            if (!over || failed) return over;
        }
        if (bytes.empty()) return true;
        std::size_t taken = 0;
        if (tls_->write(bytes, taken) != TlsEngine::Step::done) {
            failed = asio::error::connection_aborted;
            return true;
        }
        bytes.remove_prefix(taken);
    }
}

Async<void> TcpSocket::write(std::string_view bytes, std::size_t& handed, error_code& failed) {
    while (!write_now(bytes, handed, failed)) {
        const bool told = co_await until_writable();
        if (told) continue;
        failed = asio::error::operation_aborted;
        co_return;
    }
}

bool TcpSocket::stale() {
    // What came since the last answer is an end, or bytes that nobody asked for; without TLS there
    // is no third.
    if (!is_open() || ended_) return true;
    if (!tls_) {
        char byte = 0;
        const auto seen = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return !(seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
    }
    // What came may be a session ticket, which is nothing to worry about.
    error_code failed;
    may_read_ = true;
    feed(sealed_bytes, failed);
    if (failed) return true;
    char byte = 0;
    std::size_t plain = 0;
    return tls_->read({&byte, 1}, plain) != TlsEngine::Step::hungry;
}

bool TcpSocket::quiet() const {
    return is_open() && !ended_ && !may_read_ && !(tls_ && tls_->unread());
}

/// Plain bytes, if they can be had without waiting; or `failed`, and then none.
std::optional<std::size_t> TcpSocket::take(std::span<char> into, error_code& failed) {
    if (!tls_) {
        const auto got = receive(into, failed);
        return failed ? 0 : got;
    }
    std::size_t got = 0;
    std::size_t fed = 0;
    for (;;) {
        std::size_t some = 0;
        const auto step = tls_->read(into.subspan(got), some);
        offer();  // an alert, or the answer to a key update
        got += some;
        if (some > 0) without_plain_ = 0;
        if (step == TlsEngine::Step::ended) failed = asio::error::eof;
        if (step == TlsEngine::Step::failed) failed = asio::error::connection_aborted;
        const auto room = into.size() - got;
        if (step == TlsEngine::Step::done && (!may_read_ || room < one_record)) return got;
        // Others have their turn too, however little of what comes is meant for anybody.
        if (got > 0 && fed > into.size() + sealed_bytes) {
            failed = {};
            return got;
        }
        if (!failed &&
            (without_plain_ > most_without_plain || tls_->outgoing().size() > most_unsent))
            failed = asio::error::connection_aborted;
        const auto more = failed ? 0 : feed(room, failed);
        fed += more;
        // An end without close_notify may be an attacker's cut: never an orderly end.
        if (step != TlsEngine::Step::ended && failed == asio::error::eof)
            failed = asio::error::connection_reset;
        // What failed behind some bytes fails again when they were taken.
        if (failed && got > 0) failed = {};
        if (failed) return 0;
        if (more == 0) return got > 0 ? std::optional{got} : std::nullopt;
    }
}

/// Gives sealed bytes to the engine, if they can be had without waiting: about as many as give
/// `room` plain ones, so that few are left over. How many; 0 for none, or `failed`.
std::size_t TcpSocket::feed(std::size_t room, error_code& failed) {
    const auto sealed = scratch().first(std::clamp(room, one_record, sealed_bytes));
    const auto got = receive(sealed, failed).value_or(0);
    if (got > 0) tls_->feed({sealed.data(), got});
    without_plain_ += got;
    return got;
}

/// Bytes as they came, if they can be had without waiting; at least one, or `failed`.
std::optional<std::size_t> TcpSocket::receive(std::span<char> into, error_code& failed) {
    failed = {};
    if (!is_open()) failed = asio::error::bad_descriptor;
    if (failed || !may_read_) return std::nullopt;
    for (;;) {
        const auto n = receive_now(fd_, into.data(), into.size());
        if (n > 0) {
            const auto got = static_cast<std::size_t>(n);
            // That was all there is; the system tells when there is more. An end was told already.
            if (got < into.size() && !ended_) may_read_ = false;
            return got;
        }
        // The system tells of a loss once, perhaps whoever was sending; what ends then is cut.
        if (n == 0) failed = asio::error::eof;
        if (n == 0 && was_lost_) failed = asio::error::connection_reset;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            may_read_ = false;
        else if (n < 0)
            failed = last_error();
        was_lost_ = was_lost_ || (failed && n != 0);
        return std::nullopt;
    }
}

/// Sends without waiting and shortens `bytes`. True: all of it, or `failed`.
bool TcpSocket::send(std::string_view& bytes, std::size_t& handed, error_code& failed) {
    failed = {};
    if (!is_open()) failed = asio::error::bad_descriptor;
    while (!failed && !bytes.empty()) {
        if (!may_write_) return false;
        const auto n = send_now(fd_, bytes.data(), bytes.size());
        if (n < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                may_write_ = false;
            else if (errno != EINTR)
                failed = last_error();
            // A broken pipe is what a peer leaves who had ended in order.
            was_lost_ = was_lost_ || (failed && failed != asio::error::broken_pipe);
            continue;
        }
        const auto sent = static_cast<std::size_t>(n);
        handed += sent;
        may_write_ = sent == bytes.size();
        bytes.remove_prefix(sent);
    }
    return true;
}

/// Sends what the kernel takes of the sealed bytes without waiting; the rest goes with the next
/// write, or when the one under way goes on.
void TcpSocket::offer() {
    auto sealed = tls_->outgoing();
    if (sealed.empty()) return;
    const auto size = sealed.size();
    std::size_t handed = 0;
    error_code ignored;
    send(sealed, handed, ignored);
    tls_->sent(size - sealed.size());
}

}  // namespace latchkey
