#include <chrono>
#include <ctime>
#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "net/server_bench.h"

using latchkey::ServerLimits;
using latchkey::test::RawSocket;
using latchkey::test::ServerBench;
using namespace std::chrono_literals;

// More callers than there is room for.

namespace {

const std::string get = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// While it lives, this process can open nothing more: EMFILE. UBSan's look at vptrs needs a pipe for
/// each one it has not met yet and calls it invalid without; the asan preset leaves it out.
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

TEST_CASE("L3: a full server closes connections behind their answers, so that who waits gets in") {
    ServerLimits limits;
    limits.connections = 1;
    ServerBench bench{limits};
    auto first = RawSocket::connect(bench.port);
    auto second = RawSocket::connect(bench.port);
    second.send(get);
    first.send(get);
    const auto answer = first.read_to_end();
    CHECK(contains(answer, "200 OK"));
    CHECK(contains(answer, "\r\nConnection: close\r\n"));
    first.close();
    CHECK(contains(second.read_until("[]"), "200 OK"));
}

TEST_CASE("L3: whoever takes the last place costs the youngest idle connection its own") {
    ServerLimits limits;
    limits.connections = 4;
    ServerBench bench{limits};
    auto silent = RawSocket::connect(bench.port);
    auto eldest = RawSocket::connect(bench.port);
    eldest.send(get);
    CHECK(contains(eldest.read_until("[]"), "200 OK"));
    auto youngest = RawSocket::connect(bench.port);
    youngest.send(get);
    CHECK(contains(youngest.read_until("[]"), "200 OK"));
    auto last = RawSocket::connect(bench.port);
    CHECK(youngest.read().empty());
    CHECK_FALSE(youngest.timed_out);
    for (auto* one : {&silent, &eldest, &last}) {
        one->send(get);
        CHECK(contains(one->read_until("[]"), "200 OK"));
    }
}

TEST_CASE("L5: an address that opens connections and says nothing fills its own share only") {
    ServerLimits limits;
    limits.silent_per_address = 3;
    ServerBench bench{limits};
    auto first = RawSocket::connect(bench.port);
    auto second = RawSocket::connect(bench.port);
    auto third = RawSocket::connect(bench.port);
    third.send("GET /x HTTP/1.1\r\nHost:");  // a head that does not end is none
    CHECK(RawSocket::connect(bench.port).read().empty());
    CHECK(bench.server().turned_away() == 1);

    auto other = RawSocket::connect(bench.port, "127.0.0.2");
    other.send(get);
    CHECK(contains(other.read_until("[]"), "200 OK"));

    // Who says what he wants needs no place any more, though his connection stays open.
    first.send(get);
    CHECK(contains(first.read_until("[]"), "200 OK"));
    auto fourth = RawSocket::connect(bench.port);
    fourth.send(get);
    CHECK(contains(fourth.read_until("[]"), "200 OK"));
    first.send(get);
    CHECK(contains(first.read_until("[]"), "200 OK"));
}

TEST_CASE("L5: a silent caller who goes, or who has been waited for, leaves his place") {
    for (const bool waited_for : {true, false}) {
        CAPTURE(waited_for);
        ServerLimits limits;
        limits.silent_per_address = 1;
        if (waited_for) limits.head = 50ms;
        ServerBench bench{limits};
        auto silent = RawSocket::connect(bench.port);
        if (waited_for) CHECK(silent.read().empty());
        silent.close();
        bool served = false;
        for (int tries = 0; tries < 10'000 && !served; ++tries) {
            auto next = RawSocket::connect(bench.port);
            next.send(get);
            served = contains(next.read_until("[]"), "200 OK");
        }
        CHECK(served);
    }
}

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
