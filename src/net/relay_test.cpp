#include "net/relay_bench.h"

#include <string>
#include <thread>

#include <doctest/doctest.h>

using latchkey::RelayLimits;
using latchkey::ServerLimits;
using namespace latchkey::test;
using namespace std::chrono_literals;

TEST_CASE("a relayed request arrives with its own lines, our credentials and no others") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send("GET /r/x?y=z HTTP/1.1\r\n" + host +
                "Accept: a/b\r\nAuthorization: Bearer mine\r\nX-One:  two \r\n\r\n");
    auto upstream = bench.upstream.accept();
    CHECK(upstream.read_until("\r\n\r\n") ==
          "GET /x?y=z HTTP/1.1\r\nHost: up.example\r\nAuthorization: Bearer token-0\r\n"
          "Accept: a/b\r\nX-One:  two \r\n\r\n");
    upstream.send("HTTP/1.1 201 Made\r\nA: b\r\nContent-Length: 2\r\nC: d\r\n\r\nok");
    CHECK(read_answer(caller, "ok") ==
          "HTTP/1.1 201 Made\r\nA: b\r\nC: d\r\nRelayed: yes\r\nContent-Length: 2\r\n\r\nok");

    // The next one goes over the same two connections.
    caller.send(get);
    CHECK(has(upstream.read_until("\r\n\r\n"), "GET /x?y=z "));
    upstream.send(ok);
    CHECK(status(read_answer(caller, "ok")) == 200);
    CHECK(bench.policy->ends(2) == std::vector<int>{201, 200});
}

TEST_CASE("requests for the handler and for the relay take turns on one connection") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send("GET /other HTTP/1.1\r\n" + host + "\r\n" + get + "GET /last HTTP/1.1\r\n" + host +
                "\r\n");
    CHECK(has(read_answer(caller, "/other"), "Handled: yes"));
    auto upstream = bench.upstream.accept();
    upstream.read_until("\r\n\r\n");
    upstream.send(ok);
    const auto rest = caller.read_until("/last");
    CHECK(has(rest, "Relayed: yes"));
    CHECK(has(rest, "Handled: yes"));
}

TEST_CASE("G9: a body goes on with its exact framing, whatever the method") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send("DELETE /r/x HTTP/1.1\r\n" + host + "Content-Length: 005\r\n\r\nhello");
    auto upstream = bench.upstream.accept();
    const auto first = upstream.read_until("hello");
    CHECK(has(first, "\r\nContent-Length: 5\r\n\r\nhello"));
    upstream.send(ok);
    read_answer(caller, "ok");

    caller.send("GET /r/x HTTP/1.1\r\n" + host +
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=f\r\nde\r\n0\r\n\r\n");
    CHECK(has(upstream.read_until("0\r\n\r\n"),
              "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=f\r\nde\r\n0\r\n\r\n"));
    upstream.send(ok);
    read_answer(caller, "ok");

    caller.send("POST /r/x HTTP/1.1\r\n" + host + "\r\n");
    CHECK(has(upstream.read_until("\r\n\r\n"), "Content-Length: 0\r\n"));
    upstream.send(ok);
    CHECK(status(read_answer(caller, "ok")) == 200);
}

TEST_CASE("G12: trailers are dropped in both directions") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send("POST /r/x HTTP/1.1\r\n" + host +
                "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nAuthorization: t\r\n\r\n");
    auto upstream = bench.upstream.accept();
    const auto seen = upstream.read_until("0\r\n\r\n");
    CHECK(seen.ends_with("1\r\nx\r\n0\r\n\r\n"));
    upstream.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: "
        "t\r\n\r\n");
    const auto answer = caller.read_until("0\r\n\r\n");
    CHECK(answer.ends_with("2\r\nok\r\n0\r\n\r\n"));
    // Nothing is left over on either connection.
    caller.send(get);
    CHECK(upstream.read_until("\r\n\r\n").starts_with("GET /x?y=z "));
    upstream.send(ok);
    CHECK(status(read_answer(caller, "ok")) == 200);
}

TEST_CASE("G1 to G8: of a malformed request nothing reaches the other side") {
    for (const std::string& bytes :
         {"POST /r/x HTTP/1.1\r\n" + host +
              "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "POST /r/x HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
          "POST /r/x HTTP/1.1\r\n" + host + "Content-Length: +5\r\n\r\nhello",
          "POST /r/x HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
          "POST /r/x HTTP/1.1\r\n" + host +
              "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
          "GET /r/x HTTP/1.1\r\n" + host + "A : b\r\n\r\n",
          "GET  /r/x HTTP/1.1\r\n" + host + "\r\n", std::string{"GET /r/x HTTP/1.1\r\n\r\n"}}) {
        CAPTURE(bytes);
        RelayBench bench;
        auto caller = bench.caller();
        caller.send(bytes);
        const auto answer = caller.read_to_end();
        CHECK(status(answer) == 400);
        CHECK(has(answer, "Connection: close\r\n"));
        CHECK_FALSE(bench.upstream.somebody_waits());
    }
}

TEST_CASE(
    "G10: a refusal before a long body was read closes the connection, after a short one not") {
    RelayBench bench;
    auto caller = bench.caller();
    const std::string refuse = "POST /r/x HTTP/1.1\r\n" + host + "Refuse-Me: 1\r\n";
    caller.send(refuse + "Content-Length: 5\r\n\r\nhello" + refuse +
                "Content-Length: 999999\r\n\r\n");
    const auto both = caller.read_to_end();
    CHECK(status(both) == 403);
    const auto second = both.substr(both.find("refused") + 7);
    CHECK(status(second) == 403);
    CHECK(has(second, "Connection: close"));
}

TEST_CASE("G11: 100-continue is answered here and never goes on") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send("POST /r/x HTTP/1.1\r\n" + host +
                "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    CHECK(caller.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    caller.send("hello");
    auto upstream = bench.upstream.accept();
    CHECK_FALSE(has(upstream.read_until("hello"), "Expect"));
    upstream.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok);
    const auto answer = read_answer(caller, "ok");
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK_FALSE(has(answer, "Link"));
}

TEST_CASE("answers without a body are followed by the next one at once") {
    RelayBench bench;
    auto caller = bench.caller();
    auto upstream = [&] {
        caller.send("HEAD /r/x HTTP/1.1\r\n" + host + "\r\n");
        return bench.upstream.accept();
    }();
    upstream.read_until("\r\n\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    CHECK(has(caller.read_until("\r\n\r\n"), "Content-Length: 99\r\n"));
    for (const char* first : {"HTTP/1.1 204 No Content\r\n", "HTTP/1.1 304 Not Modified\r\n"}) {
        caller.send(get);
        upstream.read_until("\r\n\r\n");
        upstream.send(std::string{first} + "ETag: x\r\n\r\n");
        CHECK(has(caller.read_until("\r\n\r\n"), "ETag: x\r\n"));
    }
    caller.send(get);
    upstream.read_until("\r\n\r\n");
    upstream.send(ok);
    CHECK(status(read_answer(caller, "ok")) == 200);
}

TEST_CASE(
    "G14: an answer that is not plain HTTP becomes 502, and its connection is not used again") {
    for (const std::string& wrong :
         {std::string{
              "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok"},
          std::string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n"},
          std::string{"HTTP/1.1 101 Switching\r\n\r\n"}, std::string{"SSH-2.0-x\r\n\r\n"},
          "HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'a') + "\r\n\r\n"}) {
        CAPTURE(wrong.substr(0, 80));
        RelayBench bench;
        auto caller = bench.caller();
        caller.send(get);
        auto upstream = bench.upstream.accept();
        upstream.read_until("\r\n\r\n");
        upstream.send(wrong);
        const auto answer = caller.read_until("before repeating it.");
        CHECK(status(answer) == 502);
        CHECK(upstream.read().empty());
        caller.send(get);
        auto next = bench.upstream.accept();
        next.read_until("\r\n\r\n");
        next.send(ok);
        CHECK(status(read_answer(caller, "ok")) == 200);
    }
}

TEST_CASE("G14: bytes behind an answer's end are given to nobody") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send(get);
    auto upstream = bench.upstream.accept();
    upstream.read_until("\r\n\r\n");
    upstream.send(ok + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother");
    CHECK(read_answer(caller, "ok").ends_with("\r\n\r\nok"));
    caller.send(get);
    auto next = bench.upstream.accept();
    next.read_until("\r\n\r\n");
    next.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine");
    CHECK(read_answer(caller, "mine").ends_with("mine"));
}

TEST_CASE("K3: an answer that is cut resets the caller, who so knows that something is missing") {
    for (const char* cut : {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"}) {
        RelayBench bench;
        auto caller = bench.caller();
        caller.send(get);
        {
            auto upstream = bench.upstream.accept();
            upstream.read_until("\r\n\r\n");
            upstream.send(cut);
        }
        const auto answer = caller.read_to_end();
        CHECK(answer.find("ok") != std::string::npos);
        CHECK(caller.was_reset);
    }
    RelayBench bench;
    auto caller = bench.caller();
    caller.send(get);
    bench.upstream.accept().read_until("\r\n\r\n");
    CHECK(status(read_answer(caller, "")) == 502);
}

TEST_CASE("K6: an answer that ends with its connection comes whole, and ends the caller's") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send(get);
    {
        auto upstream = bench.upstream.accept();
        upstream.read_until("\r\n\r\n");
        upstream.send("HTTP/1.0 200 Fine\r\n\r\nall of it");
    }
    const auto answer = caller.read_to_end();
    CHECK(answer.starts_with("HTTP/1.1 200 Fine\r\n"));
    CHECK(has(answer, "Connection: close\r\n"));
    CHECK(answer.ends_with("\r\n\r\nall of it"));
    CHECK_FALSE(caller.was_reset);
}

TEST_CASE("a caller of HTTP/1.0 gets the body without chunks") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send("GET /r/x HTTP/1.0\r\n" + host + "Connection: keep-alive\r\n\r\n");
    auto upstream = bench.upstream.accept();
    upstream.read_until("\r\n\r\n");
    upstream.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3\r\nay!\r\n0\r\n\r\n");
    const auto answer = caller.read_to_end();
    CHECK(answer.ends_with("\r\n\r\nokay!"));
    CHECK_FALSE(has(answer, "chunked"));
}

TEST_CASE("H11: a refused token leads to one repeat with a newer one, body included") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send("POST /r/x HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello");
    auto upstream = bench.upstream.accept();
    CHECK(has(upstream.read_until("hello"), "token-0"));
    upstream.send("HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\ndead");
    const auto again = upstream.read_until("hello");
    CHECK(has(again, "token-1"));
    CHECK(again.ends_with("Content-Length: 5\r\n\r\nhello"));
    SUBCASE("and the repeat's answer is the answer") {
        upstream.send(ok);
    }
    SUBCASE("and a second refusal is the caller's to read") {
        upstream.send("HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\ndead");
        CHECK(status(read_answer(caller, "dead")) == 401);
        CHECK(bench.policy->renewals == 1);
        return;
    }
    CHECK(status(read_answer(caller, "ok")) == 200);
    CHECK(bench.policy->ends(1) == std::vector<int>{200});
}

TEST_CASE("H11: where no newer token can be had, the first answer passes whole") {
    RelayBench bench;
    bench.policy->renewable = false;
    auto caller = bench.caller();
    caller.send(get);
    auto upstream = bench.upstream.accept();
    upstream.read_until("\r\n\r\n");
    const auto body = "dead " + std::string(100'000, 'x');
    upstream.send("HTTP/1.1 401 No\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                  body);
    CHECK(read_answer(caller, body).ends_with(body));
}

TEST_CASE("H11: a body that was passed on is not sent again, and the caller is told") {
    RelayBench bench;
    auto caller = bench.caller();
    const auto body = varied(200'000);
    caller.send("POST /r/x HTTP/1.1\r\n" + host + "Content-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
    auto upstream = bench.upstream.accept();
    CHECK(upstream.read_until(body).ends_with(body));
    upstream.send("HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\ndead");
    const auto answer = read_answer(caller, "dead");
    CHECK(has(answer, "\r\nLatchkey-Retry: body-not-buffered\r\n"));
    CHECK(bench.policy->renewals == 0);
    CHECK(bench.policy->later == 1);
}

TEST_CASE("an answer that comes before the body is at its end passes, and ends both connections") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send("POST /r/x HTTP/1.1\r\n" + host + "Content-Length: 5000000\r\n\r\nhello");
    auto upstream = bench.upstream.accept();
    upstream.read_until("hello");
    upstream.send("HTTP/1.1 413 Too much\r\nContent-Length: 2\r\n\r\nno");
    const auto answer = caller.read_until("no");
    CHECK(status(answer) == 413);
    CHECK(has(answer, "Connection: close\r\n"));
    CHECK(upstream.read().empty());
    CHECK_FALSE(upstream.timed_out);
    CHECK(caller.read().empty());
    CHECK_FALSE(caller.timed_out);
}

TEST_CASE("G17: of pipelined requests those before a malformed one are answered in order") {
    RelayBench bench;
    auto caller = bench.caller();
    caller.send(get + get + "BAD\r\n\r\n" + get);
    auto upstream = bench.upstream.accept();
    for (const char* body : {"1st", "2nd"}) {
        upstream.read_until("\r\n\r\n");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + std::string{body});
    }
    const auto all = caller.read_to_end();
    CHECK(all.find("1st") < all.find("2nd"));
    CHECK(all.find("2nd") < all.find("HTTP/1.1 400 "));
    CHECK_FALSE(upstream.gone());  // kept, and nothing of the malformed one came
}
