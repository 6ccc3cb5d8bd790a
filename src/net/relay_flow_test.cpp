#include "net/relay_bench.h"

#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "tests/support/gzip.h"

using latchkey::RelayLimits;
using latchkey::ServerLimits;
using namespace latchkey::test;
using namespace std::chrono_literals;

// Long bodies, slow and silent peers, connections that end.

namespace {

/// A body of known length, of which `head` may have brought the beginning.
std::string read_rest(RawSocket& socket, const std::string& head, std::size_t length) {
    const auto already = head.substr(head.find("\r\n\r\n") + 4);
    return already + read_exactly(socket, length - already.size());
}

}  // namespace

TEST_CASE("H14: large bodies go through both ways, byte for byte") {
    RelayBench bench;
    auto caller = bench.caller();
    const auto body = varied(20'000'000);
    for (const bool chunked : {false, true}) {
        CAPTURE(chunked);
        std::string framed = body;
        if (chunked) {
            framed.clear();
            for (std::size_t at = 0; at < body.size(); at += 1'000'000)
                framed += "f4240\r\n" + body.substr(at, 1'000'000) + "\r\n";
            framed += "0\r\n\r\n";
        }
        const std::string framing =
            chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: 20000000\r\n\r\n";
        std::thread other{[&] {
            auto upstream = bench.upstream.accept();
            const auto head = upstream.read_until("\r\n\r\n");
            const auto got = read_rest(upstream, head, framed.size());
            upstream.send("HTTP/1.1 200 OK\r\nConnection: close\r\n" + framing + got);
        }};
        caller.send("PUT /r/x HTTP/1.1\r\n" + host + framing + framed);
        const auto head = caller.read_until("\r\n\r\n");
        CHECK(read_rest(caller, head, framed.size()) == framed);
        other.join();
    }
}

TEST_CASE("H15: compressed bodies stay compressed both ways, byte for byte") {
    RelayBench bench;
    auto caller = bench.caller();
    const auto up = gzip(varied(100'000));
    const auto down = gzip(varied(200'000));
    caller.send("POST /r/x HTTP/1.1\r\n" + host +
                "Accept-Encoding: gzip, br;q=0.5\r\nContent-Encoding: gzip\r\n"
                "Content-Length: " +
                std::to_string(up.size()) + "\r\n\r\n" + up);
    auto upstream = bench.upstream.accept();
    const auto asked = upstream.read_until("\r\n\r\n");
    CHECK(has(asked, "\r\nContent-Encoding: gzip\r\n"));
    CHECK(has(asked, "\r\nAccept-Encoding: gzip, br;q=0.5\r\n"));
    CHECK(read_rest(upstream, asked, up.size()) == up);

    upstream.send(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n"
        "Content-Length: " +
        std::to_string(down.size()) + "\r\n\r\n" + down);
    const auto answered = caller.read_until("\r\n\r\n");
    CHECK(has(answered, "\r\nContent-Encoding: gzip\r\n"));
    CHECK(has(answered, "\r\nVary: Accept-Encoding\r\n"));
    CHECK(read_rest(caller, answered, down.size()) == down);
}

TEST_CASE("H14: a reader who does not read stops the sender") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send(get);
    auto upstream = bench.upstream.accept();
    upstream.read_until("\r\n\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n");
    caller.read_until("\r\n\r\n");
    const timeval moment{0, 300'000};
    ::setsockopt(upstream.fd(), SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment);
    const std::string piece(1'000'000, 'x');
    int pieces = 0;
    while (pieces < 1000 && upstream.send(piece)) ++pieces;
    // What fits into four kernel buffers on loopback, and nothing like the whole.
    CHECK(pieces < 100);
}

TEST_CASE("H14: when the caller goes away, the request is given up within a second") {
    RelayBench bench;
    auto upstream = [&] {
        auto caller = bench.caller();
        caller.send(get);
        auto made = bench.upstream.accept();
        made.read_until("\r\n\r\n");
        return made;
    }();
    const auto began = std::chrono::steady_clock::now();
    CHECK(upstream.read().empty());
    CHECK_FALSE(upstream.timed_out);
    CHECK(std::chrono::steady_clock::now() - began < 5s);  // a loaded machine is slow
    CHECK(bench.policy->ends(1) == std::vector<int>{0});
}

TEST_CASE("H16: a body that stops is answered 408 and frees its place") {
    RelayLimits limits;
    limits.stall = 200ms;
    for (const std::size_t length : {std::size_t{5'000}, std::size_t{5'000'000}}) {
        RelayBench bench{limits};
        auto caller = bench.caller();
        caller.send("POST /r/x HTTP/1.1\r\n" + host + "Content-Length: " + std::to_string(length) +
                    "\r\n\r\nhello");
        const auto answer = caller.read_to_end();
        CHECK(status(answer) == 408);
    }
}

TEST_CASE("H16: a trickle that never stops is cut too") {
    RelayLimits limits;
    limits.stall = 300ms;
    limits.least_rate = 1'000'000;
    RelayBench bench{limits};
    auto caller = bench.caller();
    caller.send("POST /r/x HTTP/1.1\r\n" + host + "Content-Length: 5000000\r\n\r\n");
    int sent = 0;
    const timeval moment{0, 20'000};
    ::setsockopt(caller.fd(), SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
    std::string answer;
    while (answer.empty() && sent < 500 && caller.send("x")) {
        ++sent;
        answer = caller.read();
    }
    CHECK(status(answer) == 408);
}

TEST_CASE("H16: an upstream that says nothing is 504, one that stops in the middle is a cut") {
    RelayLimits limits;
    limits.answer = 200ms;
    limits.stall = 200ms;
    RelayBench bench{limits};
    auto caller = bench.caller();
    caller.send(get);
    auto silent = bench.upstream.accept();
    CHECK(status(caller.read_until("before repeating it.")) == 504);
    caller.send(get);
    auto half = bench.upstream.accept();
    half.read_until("\r\n\r\n");
    half.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
    CHECK(has(caller.read_to_end(), "ok"));
    CHECK(caller.was_reset);
}

TEST_CASE(
    "K2: an idle connection that was closed meanwhile is not used, and nothing is sent twice") {
    RelayBench bench;
    auto caller = bench.caller();
    for (int i = 0; i < 3; ++i) {
        caller.send(get);
        auto upstream = bench.upstream.accept();
        CHECK(upstream.read_until("\r\n\r\n").starts_with("GET /x?y=z "));
        upstream.send(ok);
        CHECK(status(read_answer(caller, "ok")) == 200);
    }
}

TEST_CASE("K1: a server that cannot be reached is 503, and the connection goes on") {
    auto bench = std::make_unique<RelayBench>();
    ::shutdown(bench->upstream.fd(), SHUT_RDWR);
    auto caller = bench->caller();
    caller.send(get + get);
    const auto first = caller.read_until("Nothing was sent.");
    CHECK(status(first) == 503);
    CHECK(has(first, "Why: upstream_unreachable"));
    CHECK_FALSE(has(first, "Connection: close"));
}

TEST_CASE("L8: a stopping server finishes what is under way and says that it closes") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send(get);
    auto upstream = bench.upstream.accept();
    upstream.read_until("\r\n\r\n");
    std::thread stopper{[&] { bench.stop(10s); }};
    while (RawSocket::can_connect(bench.port)) std::this_thread::yield();
    upstream.send(ok);
    const auto answer = caller.read_to_end();
    stopper.join();
    CHECK(status(answer) == 200);
    CHECK(has(answer, "Connection: close\r\n"));
}
