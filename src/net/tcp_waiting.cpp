#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "base/async.h"
#include "net/tcp_socket.h"

// Who waits for a socket, and how he is told.
namespace latchkey {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

}  // namespace

/// Goes on with whoever waited, at the loop's next turn.
template <class Handler, class Outcome>
void TcpSocket::finish(Handler&& then, Outcome outcome) {
    asio::get_associated_cancellation_slot(then).clear();
    asio::post(on_, [go_on = std::forward<Handler>(then), outcome]() mutable {
        std::move(go_on)(outcome);
    });
}

template <class Handler>
void TcpSocket::obey_cancellation(Handler& then) {
    auto slot = asio::get_associated_cancellation_slot(then);
    if (slot.is_connected()) slot.assign([this](asio::cancellation_type) { interrupt(); });
}

Async<std::size_t> TcpSocket::read_some(std::span<char> into, error_code& failed) {
    return asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(std::size_t)>(
        [this, into, &failed](OnRead&& then) { begin_read(std::move(then), into, failed); },
        use_task);
}

Async<bool> TcpSocket::until_some() {
    static constexpr bool at_once = true;
    return until(readable_, tls_ && tls_->unread() ? at_once : may_read_);
}

void TcpSocket::begin_read(OnRead&& then, std::span<char> into, error_code& failed) {
    failed = {};
    if (const auto got = take(into, failed)) return finish(std::move(then), *got);
    reading_.emplace(std::move(then), into, failed);
    obey_cancellation(reading_->then);
    readiness_->waiting(1);
}

Async<bool> TcpSocket::until(std::optional<OnReady>& waits, const bool& may) {
    return asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(bool)>(
        [this, &waits, &may](OnReady&& then) {
            if (!is_open() || may) return finish(std::move(then), is_open());
            waits.emplace(std::move(then));
            obey_cancellation(*waits);
            readiness_->waiting(1);
        },
        use_task);
}

void TcpSocket::interrupt() noexcept {
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

void TcpSocket::on_ready(bool readable, bool writable, bool ended) {
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

void TcpSocket::abandon() noexcept {
    std::optional<OnRead> reader;
    if (reading_) reader.emplace(std::move(reading_->then));
    reading_.reset();
    const auto told_read = taken(&readable_);
    const auto told_write = taken(&writable_);
}

std::optional<TcpSocket::OnReady> TcpSocket::taken(std::optional<OnReady>* from) {
    std::optional<OnReady> out;
    if (from == nullptr || !*from) return out;
    out.emplace(std::move(**from));
    from->reset();
    return out;
}

}  // namespace latchkey
