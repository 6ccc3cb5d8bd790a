#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace latchkey::test {

/// A blocking loopback TCP socket that sends exactly the bytes it is told to, for the wrong side of
/// a protocol. Every wait ends after 30 seconds.
class RawSocket {
public:
    /// `from` is another address of loopback, such as 127.0.0.2.
    static RawSocket connect(std::uint16_t port, const char* from = nullptr) {
        RawSocket made{::socket(AF_INET, SOCK_STREAM, 0)};
        const auto there = loopback(port);
        auto here = loopback(0);
        if (from && (::inet_pton(AF_INET, from, &here.sin_addr) != 1 ||
                     ::bind(made.fd_, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0))
            throw std::runtime_error("bind");
        if (::connect(made.fd_, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) {
            throw std::runtime_error("connect");
        }
        return made;
    }
    /// Whether somebody listens there.
    static bool can_connect(std::uint16_t port) {
        RawSocket probe{::socket(AF_INET, SOCK_STREAM, 0)};
        const auto there = loopback(port);
        return ::connect(probe.fd_, reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0;
    }
    explicit RawSocket(int fd) : fd_(fd) {
        const timeval wait{30, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    }
    RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    RawSocket& operator=(RawSocket&&) = delete;
    ~RawSocket() { close(); }

    /// False if the peer would not take all of it.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    /// The numeric address at the other end.
    std::string peer() const {
        sockaddr_in there{};
        socklen_t size = sizeof there;
        ::getpeername(fd_, reinterpret_cast<sockaddr*>(&there), &size);
        char text[INET_ADDRSTRLEN] = {};
        ::inet_ntop(AF_INET, &there.sin_addr, text, sizeof text);
        return text;
    }
    void end_sending() { ::shutdown(fd_, SHUT_WR); }

    /// What comes next; empty at an end, a reset (see `was_reset`) or a time-out (`timed_out`).
    std::string read() {
        char bytes[16384];
        const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
        if (n > 0) return {bytes, static_cast<std::size_t>(n)};
        if (n < 0 && errno == ECONNRESET) was_reset = true;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) timed_out = true;
        return {};
    }
    std::string read_to_end() {
        std::string all;
        for (auto some = read(); !some.empty(); some = read()) all += some;
        return all;
    }
    /// Reads until `mark` has come, or the end.
    std::string read_until(std::string_view mark) {
        std::string all;
        while (all.find(mark) == std::string::npos) {
            const auto some = read();
            if (some.empty()) break;
            all += some;
        }
        return all;
    }
    /// True if the peer has closed or reset the connection, or does so within a millisecond. Bytes
    /// that came must have been read.
    bool gone() const {
        pollfd wait{fd_, POLLIN, 0};
        return ::poll(&wait, 1, 1) > 0;
    }
    void reset() {
        const linger at_once{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    int fd() const { return fd_; }

    bool was_reset = false;
    bool timed_out = false;

    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in there{};
        there.sin_family = AF_INET;
        there.sin_port = htons(port);
        there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return there;
    }

private:
    int fd_;
};

/// Listens on a free port of loopback and hands out its connections one by one.
class RawListener {
public:
    RawListener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        auto here = RawSocket::loopback(0);
        socklen_t size = sizeof here;
        if (::bind(fd_, reinterpret_cast<sockaddr*>(&here), size) != 0 || ::listen(fd_, 16) != 0) {
            throw std::runtime_error("listen");
        }
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&here), &size);
        port_ = ntohs(here.sin_port);
        const timeval wait{30, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    }
    RawListener(const RawListener&) = delete;
    RawListener& operator=(const RawListener&) = delete;
    ~RawListener() { ::close(fd_); }

    std::uint16_t port() const { return port_; }
    int fd() const { return fd_; }
    RawSocket accept() { return RawSocket{::accept(fd_, nullptr, nullptr)}; }
    /// True if somebody has connected and was not accepted yet.
    bool somebody_waits() const {
        const timeval moment{0, 1000};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
        const int fd = ::accept(fd_, nullptr, nullptr);
        if (fd >= 0) ::close(fd);
        return fd >= 0;
    }

private:
    int fd_;
    std::uint16_t port_ = 0;
};

}  // namespace latchkey::test
