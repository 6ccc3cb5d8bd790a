#include <doctest/doctest.h>

#include "net/client_bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

struct OpenBench : ClientBench {
    using ClientBench::ClientBench;
    Result<std::unique_ptr<OpenAnswer>> open(HttpRequest request,
                                             std::shared_ptr<const std::string> body = nullptr) {
        return run(loop, transport->open(to, std::move(request), std::move(body), in(60000)));
    }
    Result<std::string> piece(OpenAnswer& answer, int ms = 60000) {
        return run(loop, answer.read(in(ms)));
    }
    /// Everything up to the end, or to an error, which is put behind it.
    std::string all(OpenAnswer& answer) {
        std::string body;
        for (;;) {
            auto next = piece(answer);
            if (!next) return body + "|" + next.error().code;
            if (next->empty()) return body;
            CHECK(next->size() <= 64 * 1024);
            body += *next;
        }
    }
};

std::string chunk(const std::string& bytes) {
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    return size + bytes + "\r\n";
}

}  // namespace

TEST_CASE("an answer longer than any bound is read piece by piece") {
    const std::string megabyte(1024 * 1024, 'm');
    ScriptedServer server{[&](RawSocket& socket) {
        socket.read_until("\r\n\r\n");
        socket.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: "
            "chunked\r\n\r\n");
        for (int i = 0; i < 20; ++i) socket.send(chunk(megabyte));
        socket.send("0\r\n\r\n");
    }};
    OpenBench client{server.origin()};
    auto answer = client.open(HttpRequest{"GET", "/results"});
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    CHECK((*answer)->status() == 200);
    CHECK((*answer)->headers().find("Content-Type") == "text/csv");
    CHECK(client.all(**answer).size() == 20 * megabyte.size());
    CHECK(client.piece(**answer).value().empty());
}

TEST_CASE("a large body is sent from where it lies, and its connection used again") {
    std::vector<std::size_t> lengths;
    ScriptedServer server{[&](RawSocket& socket) {
        for (int i = 0; i < 2; ++i) {
            const auto head = socket.read_until("\r\n\r\n");
            CHECK(head.find("Content-Length: 3000000\r\n") != std::string::npos);
            std::size_t left = 3'000'000 - (head.size() - head.find("\r\n\r\n") - 4);
            while (left > 0) {
                const auto some = socket.read();
                if (some.empty()) return;
                left -= some.size();
            }
            lengths.push_back(left);
            socket.send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi");
        }
    }};
    OpenBench client{server.origin()};
    const auto body = std::make_shared<const std::string>(3'000'000, 'b');
    for (int i = 0; i < 2; ++i) {
        auto answer = client.open(HttpRequest{"PUT", "/upload"}, body);
        REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
        CHECK((*answer)->status() == 201);
        CHECK(client.all(**answer) == "hi");
    }
    server.join();
    CHECK(lengths.size() == 2);
}

TEST_CASE("K3: an answer that is cut while it is read says so, after what had come") {
    for (const std::string& answer :
         {std::string{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"},
          std::string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"},
          std::string{
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"}}) {
        ScriptedServer server{ScriptedServer::answering(answer)};
        OpenBench client{server.origin()};
        auto opened = client.open(HttpRequest{"GET", "/x"});
        REQUIRE(opened.has_value());
        CHECK(client.all(**opened) == "hello|answer_cut");
    }
}

TEST_CASE("K6: an opened body may end with the connection, or be none") {
    ScriptedServer until_closed{
        ScriptedServer::answering("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")};
    OpenBench first{until_closed.origin()};
    auto opened = first.open(HttpRequest{"GET", "/x"});
    REQUIRE(opened.has_value());
    CHECK(first.all(**opened) == "hello");
    ScriptedServer nothing{ScriptedServer::answering("HTTP/1.1 204 No Content\r\n\r\n")};
    OpenBench second{nothing.origin()};
    opened = second.open(HttpRequest{"DELETE", "/x"});
    REQUIRE(opened.has_value());
    CHECK(second.all(**opened).empty());
}

TEST_CASE("K4: a piece that does not come ends at its own deadline") {
    std::string after;
    ScriptedServer server{[&](RawSocket& socket) {
        socket.read_until("\r\n\r\n");
        socket.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        after = socket.read();  // until the client goes
    }};
    OpenBench client{server.origin()};
    auto opened = client.open(HttpRequest{"GET", "/x"});
    REQUIRE(opened.has_value());
    CHECK(client.piece(**opened).value() == "hello");
    const auto late = client.piece(**opened, 20);
    REQUIRE(late.has_error());
    CHECK(late.error().code == "answer_cut");
    CHECK(late.error().fault == Fault::try_later);
    server.join();
    CHECK(after.empty());
}

TEST_CASE("K2: an upload of which bytes went out is lost, not unsent") {
    ScriptedServer server{[&](RawSocket& socket) {
        socket.read_until("\r\n\r\n");
        socket.reset();
    }};
    OpenBench client{server.origin()};
    const auto body = std::make_shared<const std::string>(30'000'000, 'b');
    const auto lost = client.open(HttpRequest{"PUT", "/upload"}, body);
    REQUIRE(lost.has_error());
    CHECK(lost.error().fault == Fault::outcome_unknown);
    CHECK(lost.error().code == "answer_lost");
}
