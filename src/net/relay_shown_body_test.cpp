#include "net/relay_bench.h"

#include <string>

#include <doctest/doctest.h>

using latchkey::RelayLimits;
using namespace latchkey::test;

// Requests that the policy sees whole before any of them is sent.

namespace {

const std::string shown = "POST /r/x HTTP/1.1\r\n" + host + "Show-Body: yes\r\n";

std::string with_length(const std::string& body) {
    return shown + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("a body that the policy sees goes on as it came, framing and all") {
    RelayBench bench;
    auto caller = bench.caller();
    const auto body = varied(100'000);
    caller.send(with_length(body));
    auto upstream = bench.upstream.accept();
    CHECK(upstream.read_until(body).ends_with("Content-Length: 100000\r\n\r\n" + body));
    upstream.send(ok);
    CHECK(status(read_answer(caller, "ok")) == 200);

    const std::string chunks = "3\r\nfor\r\n3\r\nbid\r\n0\r\n\r\n";
    caller.send(shown + "Transfer-Encoding: chunked\r\n\r\n" + chunks);
    CHECK(upstream.read_until("0\r\n\r\n").ends_with("chunked\r\n\r\n" + chunks));
    upstream.send(ok);
    CHECK(status(read_answer(caller, "ok")) == 200);
}

TEST_CASE("of a request whose body the policy minds nothing is sent, and the connection goes on") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send(with_length("it is forbidden"));
    CHECK(status(read_answer(caller, "it is forbidden")) == 403);
    // Framing between two halves of a word hides nothing.
    caller.send(shown + "Transfer-Encoding: chunked\r\n\r\n3\r\nfor\r\n6\r\nbidden\r\n0\r\n\r\n");
    CHECK(status(read_answer(caller, "forbidden")) == 403);
    caller.send(with_length("fine"));
    auto upstream = bench.upstream.accept();
    CHECK(upstream.read_until("fine").ends_with("\r\n\r\nfine"));
    upstream.send(ok);
    CHECK(status(read_answer(caller, "ok")) == 200);
    CHECK(bench.policy->ends(3) == std::vector<int>{403, 403, 200});
}

TEST_CASE("a body that is longer than the policy may see is refused unread") {
    RelayLimits limits;
    limits.shown_body = 1000;
    for (const bool chunked : {false, true}) {
        CAPTURE(chunked);
        RelayBench bench{limits};
        auto caller = bench.caller();
        caller.send(shown +
                    (chunked ? "Transfer-Encoding: chunked\r\n\r\n5dc0\r\n"
                             : "Content-Length: 24000\r\n\r\n") +
                    varied(24'000));
        const auto answer = caller.read_until("too long");
        CHECK(status(answer) == 413);
        CHECK(has(answer, "Connection: close\r\n"));
        CHECK(bench.policy->ends(1) == std::vector<int>{413});
    }
    // One of just that length is seen.
    RelayBench bench{limits};
    auto caller = bench.caller();
    caller.send(with_length(std::string(1000, 'x')));
    auto upstream = bench.upstream.accept();
    CHECK(upstream.read_until(std::string(1000, 'x')).ends_with("xxx"));
    upstream.send(ok);
    CHECK(status(read_answer(caller, "ok")) == 200);
}

TEST_CASE("G11: a body that the policy sees is asked for where its caller waits to be asked") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send(shown + "Expect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    CHECK(has(caller.read_until("\r\n\r\n"), "100 Continue"));
    caller.send("forbidden");
    CHECK(status(read_answer(caller, "forbidden")) == 403);
}

TEST_CASE("bodies that the policy sees have room for so many bytes at a time, and no more") {
    RelayLimits limits;
    limits.shown_body = 1000;
    limits.shown_bodies = 1500;
    RelayBench bench{limits};
    auto one = bench.caller();
    auto other = bench.caller();
    const auto begin = shown + "Content-Length: 1000\r\n\r\n";
    // Who is asked for his body has had his head read, so the body comes in a piece of its own.
    for (auto* caller : {&one, &other}) {
        caller->send(shown + "Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n");
        CHECK(has(caller->read_until("\r\n\r\n"), "100 Continue"));
        caller->send(std::string(900, 'x'));
    }
    // Which of them came last is for the system to say: one waits for its end, one is refused.
    for (int look = 0; look < 20'000 && !one.gone() && !other.gone(); ++look) {
    }
    REQUIRE((one.gone() || other.gone()));
    auto& refused = one.gone() ? one : other;
    auto& waiting = one.gone() ? other : one;
    const auto answer = refused.read_to_end();
    CHECK(status(answer) == 503);
    CHECK(has(answer, "Why: too_many_bodies\r\n"));
    waiting.send(std::string(91, 'x') + "forbidden");
    CHECK(status(waiting.read_until("forbidden")) == 403);

    // And there is room again.
    auto next = bench.caller();
    next.send(begin + std::string(991, 'x'));
    next.send("forbidden");
    CHECK(status(next.read_until("forbidden")) == 403);
}

TEST_CASE("G17: a request behind one whose body found no room is served all the same") {
    RelayLimits limits;
    limits.shown_bodies = 100;
    RelayBench bench{limits};
    auto caller = bench.caller();
    caller.send(shown + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(has(caller.read_until("\r\n\r\n"), "100 Continue"));
    caller.send("c8\r\n" + std::string(200, 'x') + "\r\n0\r\n\r\n" + get);
    auto upstream = bench.upstream.accept();
    CHECK(has(upstream.read_until("\r\n\r\n"), "GET /x"));
    upstream.send(ok);
    const auto answers = caller.read_until("\r\n\r\nok");
    CHECK(status(answers) == 503);
    CHECK(has(answers, "Relayed: yes"));
}
