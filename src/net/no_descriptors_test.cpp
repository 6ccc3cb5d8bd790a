#include <ctime>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "net/server_bench.h"

using latchkey::test::RawSocket;
using latchkey::test::ServerBench;

namespace {

const std::string get = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";

/// While it lives, this process can open nothing more: EMFILE.
class NoDescriptors {
public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::dup(0);
        ::close(next);
        rlimit full = before_;
        full.rlim_cur = static_cast<rlim_t>(next);
        ::setrlimit(RLIMIT_NOFILE, &full);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("L3: a server that can open nothing more does not spin, and takes who waited later") {
    ServerBench bench;
    auto kept = RawSocket::connect(bench.port);
    kept.send(get);
    CHECK(kept.read_until("[]").starts_with("HTTP/1.1 200 OK"));
    RawSocket waiting{::socket(AF_INET, SOCK_STREAM, 0)};
    {
        const NoDescriptors no_more;
        const auto there = RawSocket::loopback(bench.port);
        REQUIRE(::connect(waiting.fd(), reinterpret_cast<const sockaddr*>(&there), sizeof there) ==
                0);
        waiting.send(get);
        const timeval moment{0, 300'000};
        ::setsockopt(waiting.fd(), SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
        const auto began = std::clock();
        CHECK(waiting.read().empty());
        CHECK(waiting.timed_out);
        // Of the processor, not of the time.
        CHECK(std::clock() - began < CLOCKS_PER_SEC / 10);
        kept.send(get);
        CHECK(kept.read_until("[]").starts_with("HTTP/1.1 200 OK"));
    }
    const timeval patience{30, 0};
    ::setsockopt(waiting.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    CHECK(waiting.read_until("[]").starts_with("HTTP/1.1 200 OK"));
}
