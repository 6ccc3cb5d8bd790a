#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "net/server_bench.h"

using latchkey::test::RawSocket;
using latchkey::test::ServerBench;
using namespace latchkey;

namespace {

const std::string host = "Host: app.example\r\n";
/// A second request that must never be taken for one.
const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: app.example\r\n\r\n";

std::string post(const std::string& framing, const std::string& body) {
    return "POST /x HTTP/1.1\r\n" + host + framing + "\r\n" + body;
}

int status(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

std::size_t answers(const std::string& all) {
    std::size_t n = 0;
    for (auto at = all.find("HTTP/1.1 "); at != std::string::npos;
         at = all.find("HTTP/1.1 ", at + 1))
        ++n;
    return n;
}

/// Answered once with `expected`, closed, and nothing of it handed to the handler.
void refused(const std::string& bytes, int expected = 400) {
    CAPTURE(bytes.substr(0, 300));
    ServerBench bench;
    const auto answer = bench.exchange_and_end(bytes);
    CHECK(status(answer) == expected);
    CHECK(answers(answer) == 1);
    CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
    CHECK(bench.seen().empty());
}

void accepted(const std::string& bytes, const std::string& body) {
    CAPTURE(bytes.substr(0, 300));
    ServerBench bench;
    const auto answer = bench.exchange_and_end(bytes);
    CHECK(status(answer) == 200);
    CHECK(answers(answer) == 1);
    const auto seen = bench.seen();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].body == body);
}

}  // namespace

TEST_CASE("G1: Content-Length beside Transfer-Encoding is refused in any order and case") {
    const std::string chunks = "0\r\n\r\n" + hidden;
    refused(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunks));
    refused(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunks));
    refused(post("transfer-encoding: CHUNKED\r\ncontent-length: 0\r\n", chunks));
}

TEST_CASE("G2: two Content-Length lines are refused, equal or not, and so is a list") {
    refused(post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello" + hidden));
    refused(post("Content-Length: 5\r\ncontent-length: 6\r\n", "hello" + hidden));
    refused(post("Content-Length: 5, 5\r\n", "hello" + hidden));
}

TEST_CASE("G3: a Content-Length that is not plain digits is refused") {
    for (const std::string value : {"", " ", "+5", "-1", "0x5", "5 ", "5\t", "1_0", "5;", "\"5\"",
                                    "9223372036854775808", "99999999999999999999999"}) {
        refused(post("Content-Length:" + (value.empty() ? value : " " + value) + "\r\n",
                     "hello" + hidden));
    }
    accepted(post("Content-Length: 010\r\n", "0123456789"), "0123456789");
}

TEST_CASE("G4: a transfer coding other than one chunked is refused") {
    const std::string chunks = "5\r\nhello\r\n0\r\n\r\n" + hidden;
    for (const std::string lines :
         {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: ,chunked\r\n",
          "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
          "Transfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n",
          "Transfer-Encoding: \vchunked\r\n", "Transfer-Encoding: chunked\x01\r\n",
          "Transfer-Encoding: chunked;q=1\r\n", "Transfer-Encoding: \"chunked\"\r\n"}) {
        refused(post(lines, chunks));
    }
    refused("POST /x HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n" + chunks);
    accepted(post("Transfer-Encoding: Chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), "hello");
}

TEST_CASE("G5: malformed chunks are refused") {
    const std::string coding = "Transfer-Encoding: chunked\r\n";
    for (const std::string chunks : {"\r\nhello\r\n0\r\n\r\n",
                                     "0x5\r\nhello\r\n0\r\n\r\n",
                                     "+5\r\nhello\r\n0\r\n\r\n",
                                     "-5\r\nhello\r\n0\r\n\r\n",
                                     " 5\r\nhello\r\n0\r\n\r\n",
                                     "1_0\r\nhello\r\n0\r\n\r\n",
                                     "10000000000000005\r\nhello\r\n0\r\n\r\n",
                                     "00000000000000005\r\nhello\r\n0\r\n\r\n",
                                     "5\nhello\r\n0\r\n\r\n",
                                     "5;a\rb\r\nhello\r\n0\r\n\r\n",
                                     "5;a\nb\r\nhello\r\n0\r\n\r\n",
                                     "5\r\nhello0\r\n\r\n",
                                     "5\r\nhelloXX0\r\n\r\n",
                                     "5\r\nhello\n0\r\n\r\n",
                                     "5\r\nhello\r\n0\r\nX\r\n\r\n",
                                     "5\r\nhello\r\n0\r\n A: b\r\n\r\n",
                                     "5\r\nhello\r\n0\r\nA : b\r\n\r\n",
                                     "5\r\nhello\r\n0\n\r\n",
                                     "g\r\nhello\r\n0\r\n\r\n",
                                     "5 \r\nhello\r\n0\r\n\r\n"}) {
        refused(post(coding, chunks + hidden));
    }
}

TEST_CASE("G5: a body whose last chunk is missing is never handed on") {
    ServerBench bench;
    CHECK(bench.exchange_and_end(post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n")).empty());
    CHECK(bench.exchange_and_end(post("Content-Length: 6\r\n", "hello")).empty());
    CHECK(bench.seen().empty());
}

TEST_CASE("chunks are put together whatever their extensions and however they arrive") {
    ServerBench bench;
    auto socket = RawSocket::connect(bench.port);
    for (const char c : post("Transfer-Encoding: chunked\r\nConnection: close\r\n",
                             "1;a=b\r\nh\r\n004\r\nello\r\n0\r\n\r\n")) {
        REQUIRE(socket.send({&c, 1}));
    }
    CHECK(status(socket.read_to_end()) == 200);
    REQUIRE(bench.seen().size() == 1);
    CHECK(bench.seen()[0].body == "hello");
}

TEST_CASE("G6: header lines that programs read differently are refused") {
    const std::string line = "GET /x HTTP/1.1\r\n" + host;
    refused("GET /x HTTP/1.1\nHost: x\n\n");
    refused("GET /x HTTP/1.1\rHost: x\r\r");
    refused(line + "A: b\nC: d\r\n\r\n");
    refused(line + "A: b\rC: d\r\n\r\n");
    refused(line + std::string("A: b\0c\r\n\r\n", 11));
    refused(line + "A: b\r\n c\r\n\r\n");
    refused(line + "A: b\r\n\tc\r\n\r\n");
    refused(line + " A: b\r\n\r\n");
    refused(line + "A : b\r\n\r\n");
    refused(line + "A\t: b\r\n\r\n");
    refused(line + ": b\r\n\r\n");
    refused(line + "A\r\n\r\n");
    refused(line + "\xc3\xa4: b\r\n\r\n");
    refused(line + "A(b): c\r\n\r\n");
    refused(line + "A: b\x7f\r\n\r\n");
    refused("\r\n" + line + "\r\n");
    refused("GET /x HTTP/1.1\r\n A: b\r\n" + host + "\r\n");
}

TEST_CASE("G6: a Connection line that is no list of names is refused") {
    refused("GET / HTTP/1.1\r\n" + host + "Connection: keep-al\xe4ve\r\n\r\n");
    refused("GET / HTTP/1.1\r\n" + host + "Connection: close keep-alive\r\n\r\n");
    accepted("GET / HTTP/1.1\r\n" + host + "Connection: , TE ,close\r\n\r\n", "");
}

TEST_CASE("G7: a request line that is not plain is refused") {
    const std::string rest = "\r\n" + host + "\r\n";
    refused("GET  /x HTTP/1.1" + rest);
    refused("GET /x  HTTP/1.1" + rest);
    refused("GET\t/x HTTP/1.1" + rest);
    refused("GET /x HTTP/1.1 " + rest);
    refused("GET /x y HTTP/1.1" + rest);
    refused(" GET /x HTTP/1.1" + rest);
    refused("GET /x HTTP/1.32" + rest);
    refused("GET /x HTTP/1" + rest);
    refused("GET /x http/1.1" + rest);
    refused("GET /x HTTP/0.9" + rest, 505);
    refused("GET /x HTTP/1.2" + rest, 505);
    refused("GET /x HTTP/2.0" + rest, 505);
    refused("GET /x" + rest);
    refused("G(T /x HTTP/1.1" + rest);
    refused("/x HTTP/1.1" + rest);
    refused("GET /\xc3\xa4 HTTP/1.1" + rest);
    refused("GET /x#y HTTP/1.1" + rest);
    refused(std::string(33, 'M') + " /x HTTP/1.1" + rest);
    refused("GET /" + std::string(1024 * 1024, 'a') + " HTTP/1.1" + rest, 414);
}

TEST_CASE("G7: the preface of HTTP/2 and a TLS hello are answered as what they are not") {
    ServerBench bench;
    CHECK(status(bench.exchange_and_end("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == 505);
    CHECK(status(bench.exchange_and_end(std::string("\x16\x03\x01\x02\x00\x01\x00", 7))) == 400);
    CHECK(bench.seen().empty());
}

TEST_CASE("G8: the target is a path, and there is exactly one Host of a plain kind") {
    refused("GET http://app.example/x HTTP/1.1\r\n" + host + "\r\n");
    refused("CONNECT app.example:443 HTTP/1.1\r\n" + host + "\r\n");
    refused("OPTIONS * HTTP/1.1\r\n" + host + "\r\n");
    refused("GET x HTTP/1.1\r\n" + host + "\r\n");
    refused("GET /x HTTP/1.1\r\n\r\n");
    refused("GET /x HTTP/1.0\r\n\r\n");
    refused("GET /x HTTP/1.1\r\n" + host + host + "\r\n");
    for (const std::string value : {"", "a@b", "a b", "a/b", "a:b", "a:", "a:99999", "[::1", "[x]",
                                    "a,b", "a\x01", "http://a", ":80"}) {
        refused("GET /x HTTP/1.1\r\nHost: " + value + "\r\n\r\n");
    }
    for (const std::string value : {"a", "a.b:80", "127.0.0.1:8717", "[::1]", "[::1]:8717"}) {
        accepted("GET /x HTTP/1.1\r\nHost: " + value + "\r\n\r\n", "");
    }
}

TEST_CASE("G10: what is left of a refused request's body is drained, so that the answer arrives") {
    ServerLimits limits;
    limits.body_bytes = 1000;
    ServerBench bench{limits};
    const auto answer =
        bench.exchange_and_end(post("Content-Length: 50000\r\n", std::string(50000, 'x')));
    CHECK(status(answer) == 413);
    CHECK(answers(answer) == 1);
    CHECK(bench.seen().empty());
}

TEST_CASE("a body over the limit is refused, with a length and in chunks") {
    ServerLimits limits;
    limits.body_bytes = 10;
    ServerBench bench{limits};
    const std::string coding = "Transfer-Encoding: chunked\r\nConnection: close\r\n";
    CHECK(status(bench.exchange(post("Content-Length: 11\r\n", ""))) == 413);
    CHECK(status(bench.exchange(post(coding, "6\r\nabcdef\r\n5\r\nghijk\r\n0\r\n\r\n"))) == 413);
    CHECK(status(bench.exchange(post(coding, "6\r\nabcdef\r\n4\r\nghij\r\n0\r\n\r\n"))) == 200);
}

TEST_CASE("G11: 100-continue is answered here, any other or doubled expectation is 417") {
    ServerBench bench;
    auto socket = RawSocket::connect(bench.port);
    socket.send(post("Content-Length: 5\r\nExpect: 100-Continue\r\nConnection: close\r\n", ""));
    CHECK(socket.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    socket.send("hello");
    CHECK(status(socket.read_to_end()) == 200);
    REQUIRE(bench.seen().size() == 1);
    CHECK(bench.seen()[0].body == "hello");
    CHECK(bench.seen()[0].headers.count("Expect") == 0);
    refused(post("Content-Length: 5\r\nExpect: a-rabbit\r\n", "hello"), 417);
    refused(post("Content-Length: 5\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n", "hello"),
            417);
}

TEST_CASE("G11: a body over the limit is refused before it is asked for") {
    ServerLimits limits;
    limits.body_bytes = 4;
    ServerBench bench{limits};
    const auto answer = bench.exchange(post("Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
    CHECK(status(answer) == 413);
}

TEST_CASE("G12: the lines of a trailer are dropped") {
    ServerBench bench;
    const auto answer = bench.exchange_and_end(
        post("Transfer-Encoding: chunked\r\n",
             "5\r\nhello\r\n0\r\nAuthorization: Bearer x\r\nX-Late: y\r\n\r\n"));
    CHECK(status(answer) == 200);
    REQUIRE(bench.seen().size() == 1);
    CHECK(bench.seen()[0].headers.count("Authorization") == 0);
    CHECK(bench.seen()[0].headers.count("X-Late") == 0);
}

TEST_CASE("G13: an upgrade is not taken up") {
    accepted("GET /x HTTP/1.1\r\n" + host +
                 "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
                 "AAMAAABk\r\n\r\n",
             "");
    accepted("GET /x HTTP/1.1\r\n" + host +
                 "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
             "");
}

TEST_CASE("G15: 101 header lines, 33 KiB of them and a target of 17 KiB are too much") {
    std::string lines;
    for (int i = 0; i < 99; ++i) lines += "A: b\r\n";
    accepted("GET /x HTTP/1.1\r\n" + host + lines + "\r\n", "");
    refused("GET /x HTTP/1.1\r\n" + host + lines + "A: b\r\n\r\n", 431);
    refused("GET /x HTTP/1.1\r\n" + host + "A: " + std::string(33 * 1024, 'b') + "\r\n\r\n", 431);
    refused("GET /x HTTP/1.1\r\n" + host + "A: " + std::string(200 * 1024, 'b'), 431);
    refused("GET /" + std::string(17 * 1024, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414);
    accepted("GET /" + std::string(16 * 1024 - 1, 'a') + " HTTP/1.1\r\n" + host + "\r\n", "");
}

TEST_CASE(
    "G17: requests before a malformed one are answered in order, then the connection closes") {
    ServerBench bench;
    const auto answer =
        bench.exchange("GET /1 HTTP/1.1\r\n" + host + "\r\n" + post("Content-Length: 2\r\n", "hi") +
                       "GET /3\r\n\r\n" + hidden);
    const auto first = answer.find("GET /1 []");
    const auto second = answer.find("POST /x [hi]");
    const auto third = answer.find("HTTP/1.1 400 ");
    CHECK(first < second);
    CHECK(second < third);
    CHECK(third != std::string::npos);
    CHECK(answers(answer) == 3);
    CHECK(bench.seen().size() == 2);
}
