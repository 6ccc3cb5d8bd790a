#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "net/relay_bench.h"
#include "net/server_bench.h"

using latchkey::RelayLimits;
using latchkey::Reply;
using latchkey::ServedRequest;
using latchkey::ServerLimits;
using namespace latchkey::test;
using namespace std::chrono_literals;

// That the end of a connection loses nothing of what was said on it, and hides nothing that is missing.

namespace {

const std::string last = "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
constexpr std::size_t long_answer = 2'000'000;

/// Answers with more than any reader takes at once.
void answer_at_length(ServerBench& bench) {
    bench.handler = [](ServedRequest) -> latchkey::Async<Reply> {
        Reply reply{200, {}, std::string(long_answer, 'x')};
        co_return reply;
    };
}

std::size_t body_bytes(const std::string& answer) {
    const auto end = answer.find("\r\n\r\n");
    return end == std::string::npos ? 0 : answer.size() - end - 4;
}

}  // namespace

TEST_CASE("the last answer on a connection waits for a reader who takes his time") {
    ServerBench bench;
    answer_at_length(bench);
    auto caller = RawSocket::connect(bench.port);
    caller.send(last);
    std::this_thread::sleep_for(3s);
    CHECK(body_bytes(caller.read_to_end()) == long_answer);
    CHECK_FALSE(caller.was_reset);
}

TEST_CASE("L3: making room takes no answer away that its reader has not read yet") {
    ServerLimits limits;
    limits.connections = 2;
    ServerBench bench{limits};
    answer_at_length(bench);
    auto slow = RawSocket::connect(bench.port);
    slow.send(last);
    const auto head = slow.read();
    for (int i = 0; i < 3; ++i) {
        auto other = RawSocket::connect(bench.port);
        other.send(last);
        CHECK(body_bytes(other.read_to_end()) == long_answer);
    }
    CHECK(body_bytes(head + slow.read_to_end()) == long_answer);
    CHECK_FALSE(slow.was_reset);
}

TEST_CASE("L8: a stopping server takes no answer away that was given and not read yet") {
    for (const auto& request : {last, std::string{"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"}}) {
        ServerBench bench;
        answer_at_length(bench);
        auto caller = RawSocket::connect(bench.port);
        caller.send(request);
        const auto head = caller.read();
        std::this_thread::sleep_for(300ms);  // until the system has all of it
        bench.stop(200ms);
        CHECK(body_bytes(head + caller.read_to_end()) == long_answer);
        CHECK_FALSE(caller.was_reset);
    }
}

TEST_CASE("G10: whoever is refused in the middle of a long body reads why") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send("POST /r/x HTTP/1.1\r\n" + host +
                "Refuse-Me: yes\r\nContent-Length: 20000000\r\n\r\n");
    CHECK(caller.send(std::string(20'000'000, 'x')));
    const auto answer = caller.read_to_end();
    CHECK(status(answer) == 403);
    CHECK(answer.ends_with("refused"));
    CHECK_FALSE(caller.was_reset);
}

TEST_CASE("K3: an answer that is reset is cut, also where its beginning was looked at before") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send(get);
    auto upstream = bench.upstream.accept();
    upstream.read_until("\r\n\r\n");
    upstream.send("HTTP/1.1 401 No\r\n\r\nalive");
    std::this_thread::sleep_for(100ms);
    upstream.reset();
    caller.read_to_end();
    CHECK(caller.was_reset);
}

TEST_CASE("H16: an upstream that answers early and then does nothing holds nobody") {
    RelayLimits limits;
    limits.stall = 500ms;
    RelayBench bench{limits};
    auto caller = bench.caller();
    std::atomic<bool> over{false};
    std::thread other{[&] {
        auto upstream = bench.upstream.accept();
        upstream.read_until("\r\n\r\n");
        std::this_thread::sleep_for(200ms);  // until nothing more goes up
        upstream.send("HTTP/1.1 401 No\r\nContent-Length: 100000\r\n\r\n" + std::string(5000, 'x'));
        // It neither reads on nor says more, until the relay has had enough of it.
        while (!over) std::this_thread::sleep_for(10ms);
    }};
    const auto began = std::chrono::steady_clock::now();
    caller.send("POST /r/x HTTP/1.1\r\n" + host + "Content-Length: 90000000\r\n\r\n");
    const bool taken = caller.send(std::string(90'000'000, 'x'));
    CHECK_FALSE(taken);
    CHECK(std::chrono::steady_clock::now() - began < 20s);
    over = true;
    other.join();
}
