#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace latchkey::test {

/// Stands between a program and a server on loopback, and does to their connections what a test
/// says: to those that are there and to those that come.
class TcpRelay {
public:
    enum class Mode {
        pass,
        freeze,         ///< nothing passes in either direction; connections are still taken
        lose_answers,   ///< the server hears everything, its answers go nowhere
        lose_requests,  ///< the server hears nothing any more
    };

    explicit TcpRelay(std::uint16_t to) : to_(to), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        auto address = loopback(0);
        socklen_t size = sizeof address;
        auto* where = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener_, where, size) != 0 || ::listen(listener_, 64) != 0 ||
            ::getsockname(listener_, where, &size) != 0)
            throw std::runtime_error("the relay cannot listen");
        port_ = ntohs(address.sin_port);
        thread_ = std::thread{[this] { work(); }};
    }
    ~TcpRelay() {
        ending_ = true;
        thread_.join();
        ::close(listener_);
    }
    TcpRelay(const TcpRelay&) = delete;
    TcpRelay& operator=(const TcpRelay&) = delete;

    std::uint16_t port() const { return port_; }
    /// From the moment it returns.
    void set(Mode mode) {
        wanted_ = mode;
        for (auto now = mode_.load(); now != mode; now = mode_.load()) mode_.wait(now);
    }
    /// Closes every connection of this moment, and waits until it is done.
    void cut() {
        cut_ = true;
        while (cut_) std::this_thread::yield();
    }

private:
    struct Pair {
        int client;
        int server;
        Pair(int c, int s) : client(c), server(s) {}
        ~Pair() {
            ::close(client);
            ::close(server);
        }
    };

    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }

    /// False: that side has closed.
    static bool copy(int from, int to, bool keep) {
        char bytes[16384];
        const auto read = ::recv(from, bytes, sizeof bytes, 0);
        if (read <= 0) return false;
        return !keep || ::send(to, bytes, static_cast<std::size_t>(read), MSG_NOSIGNAL) == read;
    }

    void accept_one() {
        const int client = ::accept(listener_, nullptr, nullptr);
        const int server = ::socket(AF_INET, SOCK_STREAM, 0);
        const auto address = loopback(to_);
        ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        pairs_.push_back(std::make_unique<Pair>(client, server));
    }

    void work() {
        while (!ending_) {
            if (cut_) {
                pairs_.clear();
                cut_ = false;
            }
            const Mode mode = wanted_;
            mode_ = mode;
            mode_.notify_all();
            std::vector<pollfd> ready{{listener_, POLLIN, 0}};
            for (const auto& pair : pairs_) {
                const short wanted = mode == Mode::freeze ? 0 : POLLIN;
                ready.push_back({pair->client, wanted, 0});
                ready.push_back({pair->server, wanted, 0});
            }
            ::poll(ready.data(), ready.size(), 5);
            const auto there = pairs_.size();
            if (ready[0].revents != 0) accept_one();
            if (mode == Mode::freeze) continue;
            std::vector<std::unique_ptr<Pair>> left;
            for (std::size_t i = 0; i < pairs_.size(); ++i) {
                bool open = true;
                auto& pair = pairs_[i];
                if (i < there && ready[1 + 2 * i].revents != 0)
                    open = copy(pair->client, pair->server, mode != Mode::lose_requests);
                if (open && i < there && ready[2 + 2 * i].revents != 0)
                    open = copy(pair->server, pair->client, mode != Mode::lose_answers);
                if (open) left.push_back(std::move(pair));
            }
            pairs_ = std::move(left);
        }
        pairs_.clear();
    }

    std::uint16_t to_;
    int listener_;
    std::uint16_t port_ = 0;
    std::atomic<Mode> wanted_{Mode::pass};
    std::atomic<Mode> mode_{Mode::pass};  ///< what the thread does now
    std::atomic<bool> cut_{false};
    std::atomic<bool> ending_{false};
    std::vector<std::unique_ptr<Pair>> pairs_;  // the thread's alone
    std::thread thread_;
};

}  // namespace latchkey::test
