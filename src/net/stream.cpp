#include "net/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/readiness.h"
#include "net/sockets.h"

namespace latchkey {

namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;
using boost::system::error_code;

constexpr auto close_patience = std::chrono::seconds{1};
constexpr std::size_t drain_bytes = 64 * 1024;
constexpr std::size_t one_record = 17 * 1024;    // of TLS at its largest
constexpr std::size_t sealed_bytes = 72 * 1024;  // four of them with one read

/// What was read of a socket but not handed on yet lives only between two awaits, so one piece of
/// memory a thread is enough for any number of idle connections.
std::span<char> scratch() {
    thread_local std::array<char, sealed_bytes> bytes;
    return bytes;
}

// Without the C library's own functions, which in a program of several threads make each call a point
// where a thread could be cancelled; nothing here waits, and nobody cancels threads.
long receive_now(int fd, char* into, std::size_t size) {
    return ::syscall(SYS_recvfrom, fd, into, size, MSG_DONTWAIT, nullptr, nullptr);
}
long send_now(int fd, const char* bytes, std::size_t size) {
    return ::syscall(SYS_sendto, fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
}

error_code last_error() {
    return {errno, boost::system::system_category()};
}

/// What asks the kernel about one descriptor, and whoever waits for it.
class TcpSocket final : public Socket, private Ready {
public:
    explicit TcpSocket(Executor on) : on_(on) {}
    /// Takes over a connection that was accepted.
    TcpSocket(Executor on, int fd, std::string peer, error_code& failed)
        : on_(on), peer_(std::move(peer)) {
        adopt(fd, failed);
        set_up();
    }

    ~TcpSocket() override {
        if (!is_open()) return;
        // Without waiting: the peer sees an orderly end wherever its window is open.
        if (tls_) {
            tls_->say_goodbye();
            offer();
        }
        shut();
    }

    Async<void> connect(std::string address, std::uint16_t port, std::string from,
                        error_code& failed) override {
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

    Async<void> handshake(std::unique_ptr<TlsEngine> tls, std::string& why,
                          error_code& failed) override {
        tls_ = std::move(tls);
        for (;;) {
            const auto step = tls_->handshake();
            std::size_t handed = 0;
            co_await write({}, handed, failed);
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

    Async<std::size_t> read_some(std::span<char> into, error_code& failed) override {
        return asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(std::size_t)>(
            [this, into, &failed](OnRead&& then) { begin_read(std::move(then), into, failed); },
            use_task);
    }

    std::optional<std::size_t> read_now(std::span<char> into, error_code& failed) override {
        failed = {};
        return take(into, failed);
    }

    Async<bool> until_some() override {
        static constexpr bool at_once = true;
        return until(readable_, tls_ && tls_->unread() ? at_once : may_read_);
    }

    bool write_now(std::string_view& bytes, std::size_t& handed, error_code& failed) override {
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

    Async<void> write(std::string_view bytes, std::size_t& handed, error_code& failed) override {
        while (!write_now(bytes, handed, failed)) {
            const bool told = co_await until_writable();
            if (told) continue;
            failed = asio::error::operation_aborted;
            co_return;
        }
    }

    Async<void> close() override {
        if (!is_open()) co_return;
        // The timer's handler may run after this coroutine has gone on, hence the shared flag.
        auto waiting = std::make_shared<bool>(true);
        Timer patience{on_, close_patience};
        patience.async_wait([this, waiting](error_code stopped) {
            if (*waiting && !stopped) reset();
        });
        error_code failed;
        if (tls_) {
            tls_->say_goodbye();
            std::size_t handed = 0;
            co_await write({}, handed, failed);
        }
        if (is_open()) ::shutdown(fd_, SHUT_WR);
        // Closing with unread bytes would make the kernel reset the connection and throw away what
        // the peer has not read yet (RFC 9112 section 9.6).
        std::size_t drained = 0;
        while (!failed && drained < drain_bytes) {
            const auto got = receive(scratch(), failed);
            drained += got.value_or(0);
            if (got) continue;
            const bool told = co_await until_readable();
            if (!told) break;
        }
        *waiting = false;
        patience.cancel();
        if (is_open()) shut();
    }

    void reset() noexcept override {
        if (!is_open()) return;
        const ::linger at_once{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        shut();
    }

    void interrupt() noexcept override {
        if (reading_) {
            *reading_->failed = asio::error::operation_aborted;
            auto then = std::move(reading_->then);
            reading_.reset();
            readiness_->waiting(-1);
            finish(std::move(then), std::size_t{0});
        }
        for (auto* const one : {&readable_, &writable_}) {
            if (!*one) continue;
            auto then = std::move(**one);
            one->reset();
            readiness_->waiting(-1);
            finish(std::move(then), false);
        }
    }

    bool stale() override {
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

    bool quiet() const override {
        return is_open() && !ended_ && !may_read_ && !(tls_ && tls_->unread());
    }

    bool hung_up() override {
        if (!is_open()) return true;
        ::pollfd look{fd_, POLLRDHUP, 0};
        return ::poll(&look, 1, 0) > 0;
    }

    std::string peer() const override { return peer_; }

    Async<void> delivered() override {
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

private:
    template <class... Result>
    using Then =
        typename asio::async_result<asio::use_awaitable_t<Executor>, void(Result...)>::handler_type;
    using OnRead = Then<std::size_t>;
    using OnReady = Then<bool>;

    /// A read that waits.
    struct Reading {
        OnRead then;
        std::span<char> into;
        error_code* failed;
        Reading(OnRead&& t, std::span<char> i, error_code& f)
            : then(std::move(t)), into(i), failed(&f) {}
    };

    static std::optional<OnReady> taken(std::optional<OnReady>* from) {
        std::optional<OnReady> out;
        if (from == nullptr || !*from) return out;
        out.emplace(std::move(**from));
        from->reset();
        return out;
    }

    bool is_open() const { return fd_ >= 0; }

    void adopt(int fd, error_code& failed) {
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

    void set_up() const {
        const int on = 1;
        if (is_open()) ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }

    void shut() noexcept {
        readiness_->remove(fd_);
        ::close(fd_);
        fd_ = -1;
        interrupt();
    }

    /// Goes on with whoever waited, at the loop's next turn.
    template <class Handler, class Outcome>
    void finish(Handler&& then, Outcome outcome) {
        asio::get_associated_cancellation_slot(then).clear();
        asio::post(on_, [go_on = std::forward<Handler>(then), outcome]() mutable {
            std::move(go_on)(outcome);
        });
    }

    template <class Handler>
    void obey_cancellation(Handler& then) {
        auto slot = asio::get_associated_cancellation_slot(then);
        if (slot.is_connected()) slot.assign([this](asio::cancellation_type) { interrupt(); });
    }

    void begin_read(OnRead&& then, std::span<char> into, error_code& failed) {
        failed = {};
        if (const auto got = take(into, failed)) return finish(std::move(then), *got);
        reading_.emplace(std::move(then), into, failed);
        obey_cancellation(reading_->then);
        readiness_->waiting(1);
    }

    Async<bool> until(std::optional<OnReady>& waits, const bool& may) {
        return asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(bool)>(
            [this, &waits, &may](OnReady&& then) {
                if (!is_open() || may) return finish(std::move(then), is_open());
                waits.emplace(std::move(then));
                obey_cancellation(*waits);
                readiness_->waiting(1);
            },
            use_task);
    }
    /// False: this socket was closed or interrupted.
    Async<bool> until_readable() { return until(readable_, may_read_); }
    Async<bool> until_writable() { return until(writable_, may_write_); }

    void on_ready(bool readable, bool writable, bool ended) override {
        may_read_ = may_read_ || readable;
        may_write_ = may_write_ || writable;
        ended_ = ended_ || ended;
        // Whoever goes on may destroy this object, so all is taken out of it first.
        std::optional<OnRead> reader;
        std::optional<std::size_t> got;
        if (reading_ && readable) got = take(reading_->into, *reading_->failed);
        if (got) reader.emplace(std::move(reading_->then));
        if (got) reading_.reset();
        auto told_read = taken(readable ? &readable_ : nullptr);
        auto told_write = taken(writable ? &writable_ : nullptr);
        const int served =
            int{reader.has_value()} + int{told_read.has_value()} + int{told_write.has_value()};
        if (served == 0) return;
        readiness_->waiting(-served);
        if (reader) std::move (*reader)(*got);
        if (told_read) std::move (*told_read)(true);
        if (told_write) std::move (*told_write)(true);
    }

    void abandon() noexcept override {
        std::optional<OnRead> reader;
        if (reading_) reader.emplace(std::move(reading_->then));
        reading_.reset();
        const auto told_read = taken(&readable_);
        const auto told_write = taken(&writable_);
    }

    /// Plain bytes, if they can be had without waiting; or `failed`, and then none.
    std::optional<std::size_t> take(std::span<char> into, error_code& failed) {
        if (!tls_) {
            const auto got = receive(into, failed);
            return failed ? 0 : got;
        }
        std::size_t got = 0;
        for (;;) {
            std::size_t some = 0;
            const auto step = tls_->read(into.subspan(got), some);
            offer();  // an alert, or the answer to a key update
            got += some;
            if (step == TlsEngine::Step::ended) failed = asio::error::eof;
            if (step == TlsEngine::Step::failed) failed = asio::error::connection_aborted;
            const auto room = into.size() - got;
            if (step == TlsEngine::Step::done && (!may_read_ || room < one_record)) return got;
            const bool fed = !failed && feed(room, failed);
            // An end without close_notify may be an attacker's cut: never an orderly end.
            if (step != TlsEngine::Step::ended && failed == asio::error::eof)
                failed = asio::error::connection_reset;
            // What failed behind some bytes fails again when they were taken.
            if (failed && got > 0) failed = {};
            if (failed) return 0;
            if (!fed) return got > 0 ? std::optional{got} : std::nullopt;
        }
    }

    /// Gives sealed bytes to the engine, if they can be had without waiting: about as many as give
    /// `room` plain ones, so that few are left over.
    bool feed(std::size_t room, error_code& failed) {
        const auto sealed = scratch().first(std::clamp(room, one_record, sealed_bytes));
        const auto got = receive(sealed, failed);
        if (got) tls_->feed({sealed.data(), *got});
        return got.has_value();
    }

    /// Bytes as they came, if they can be had without waiting; at least one, or `failed`.
    std::optional<std::size_t> receive(std::span<char> into, error_code& failed) {
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
            if (n == 0) failed = asio::error::eof;
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                may_read_ = false;
            else if (n < 0)
                failed = last_error();
            return std::nullopt;
        }
    }

    /// Sends without waiting and shortens `bytes`. True: all of it, or `failed`.
    bool send(std::string_view& bytes, std::size_t& handed, error_code& failed) {
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
    void offer() {
        auto sealed = tls_->outgoing();
        if (sealed.empty()) return;
        const auto size = sealed.size();
        std::size_t handed = 0;
        error_code ignored;
        send(sealed, handed, ignored);
        tls_->sent(size - sealed.size());
    }

    const Executor on_;
    Readiness* readiness_ = nullptr;  ///< once there is a descriptor
    int fd_ = -1;
    // What the system said last, and what trying has shown since: false means that it will tell.
    bool may_read_ = false;
    bool may_write_ = true;
    bool ended_ = false;
    std::optional<Reading> reading_;
    std::optional<OnReady> readable_;
    std::optional<OnReady> writable_;
    std::unique_ptr<TlsEngine> tls_;
    std::string peer_;
};

}  // namespace

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
