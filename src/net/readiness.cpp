#include "net/readiness.h"

#include <cerrno>

#include <boost/asio/post.hpp>

namespace latchkey {

boost::asio::execution_context::id Readiness::id;

Readiness::Readiness(boost::asio::io_context& loop)
    : boost::asio::execution_context::service(loop), loop_(loop), epoll_(loop.get_executor()) {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) return;
    boost::system::error_code failed;
    epoll_.assign(fd, failed);
}

void Readiness::shutdown() {
    over_ = true;
    // Whoever is let go of may take others along, and with them their entries.
    for (std::size_t fd = 0; fd < entries_.size(); ++fd) {
        if (Ready* const who = entries_[fd].who) who->abandon();
    }
}

bool Readiness::add(int fd, Ready& who) {
    if (!epoll_.is_open()) {
        errno = EMFILE;
        return false;
    }
    const auto at = static_cast<std::size_t>(fd);
    if (entries_.size() <= at) entries_.resize(at + at / 2 + 16);
    auto& entry = entries_[at];
    entry.who = &who;
    ++entry.generation;
    epoll_event wanted{};
    wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    wanted.data.u64 = std::uint64_t{entry.generation} << 32 | static_cast<std::uint32_t>(fd);
    if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &wanted) == 0) return true;
    entry.who = nullptr;
    return false;
}

void Readiness::remove(int fd) noexcept {
    // The system forgets a descriptor that is closed.
    entries_[static_cast<std::size_t>(fd)].who = nullptr;
}

void Readiness::waiting(int more) {
    waiters_ += more;
    if (over_) return;
    if (waiters_ > 0) return arm();
    boost::system::error_code ignored;
    if (armed_) epoll_.cancel(ignored);
}

void Readiness::arm() {
    if (armed_ || over_ || waiters_ == 0 || next_ < came_) return;
    armed_ = true;
    epoll_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                      [this](boost::system::error_code failed) {
                          armed_ = false;
                          if (failed) return arm();
                          look();
                      });
}

void Readiness::look() {
    const int got =
        ::epoll_wait(epoll_.native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
    next_ = 0;
    came_ = got < 0 ? 0 : static_cast<std::size_t>(got);
    deliver();
}

void Readiness::deliver() {
    // What somebody throws goes to the loop's owner; the others are told all the same.
    struct Rest {
        Readiness& all;
        ~Rest() {
            if (all.next_ < all.came_)
                boost::asio::post(all.loop_, [&readiness = all] { readiness.deliver(); });
            else
                all.arm();
        }
    } rest{*this};
    while (next_ < came_) {
        const auto event = events_[next_++];
        const auto& entry = entries_[event.data.u64 & 0xffffffff];
        if (entry.who == nullptr || entry.generation != event.data.u64 >> 32) continue;
        const bool broken = event.events & (EPOLLHUP | EPOLLERR);
        const bool ended = broken || event.events & EPOLLRDHUP;
        entry.who->on_ready(ended || event.events & EPOLLIN, broken || event.events & EPOLLOUT,
                            ended);
    }
}

}  // namespace latchkey
