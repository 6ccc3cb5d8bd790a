#include "net/net_transport.h"

#include <atomic>
#include <future>
#include <thread>

#include <doctest/doctest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "net/client_bench.h"
#include "net/server_bench.h"

using namespace latchkey;
using namespace latchkey::test;
using namespace std::chrono_literals;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// Says what a test tells it to, and counts how often it was asked.
struct FakeResolver final : Resolver {
    explicit FakeResolver(std::vector<std::string> a) : answer(std::move(a)) {}
    Task<std::vector<std::string>> resolve(std::string, Deadline) override {
        ++asked;
        co_return answer;
    }
    std::vector<std::string> answer;
    int asked = 0;
};

Origin named(std::uint16_t port) {
    Origin origin = loopback(port);
    origin.host = "org.example";
    return origin;
}

}  // namespace

TEST_CASE("a request is sent and its answer read") {
    ServerBench server;
    ClientBench client{loopback(server.port)};
    const auto answer = client.send(HttpRequest{"POST", "/token?x=1", {{"A", "b"}}, "grant"});
    REQUIRE(answer.has_value());
    CHECK(answer->status == 200);
    CHECK(answer->headers.find("X-Method") == "POST");
    CHECK(answer->body == "POST /token?x=1 [grant]");
    CHECK(answer->whole);
    const auto seen = server.seen();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].headers.find("Host") == "127.0.0.1:" + std::to_string(server.port));
    CHECK(seen[0].headers.find("A") == "b");
}

TEST_CASE("a HEAD has no body, whatever length its answer names") {
    ServerBench server;
    ClientBench client{loopback(server.port)};
    for (int i = 0; i < 2; ++i) {
        const auto answer = client.send(HttpRequest{"HEAD", "/x"});
        REQUIRE(answer.has_value());
        CHECK(answer->headers.find("Content-Length") == "10");
        CHECK(answer->body.empty());
        CHECK(answer->whole);
    }
}

TEST_CASE("a line carries exactly one request and says that it closes") {
    ServerBench server;
    ClientBench client{loopback(server.port)};
    auto line = client.dial();
    REQUIRE(line.has_value());
    const auto send = [&] {
        return run(client.loop, (*line)->send_once(HttpRequest{"POST", "/token", {}, "a"},
                                                   client.clock.steady() + 60s, client.in(60000)));
    };
    const auto first = send();
    REQUIRE(first.has_value());
    CHECK(first->body == "POST /token [a]");
    CHECK(server.seen().at(0).headers.find("Connection") == "close");
    const auto second = send();
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == "line_used");
    CHECK(server.seen().size() == 1);
}

TEST_CASE("J31: a token request never goes out on a connection that was used before") {
    RawListener listener;
    ClientBench client{loopback(listener.port())};
    bool new_one = false;
    std::thread server{[&] {
        auto first = listener.accept();
        ScriptedServer::answering(ok)(first);
        pollfd either[2] = {{first.fd(), POLLIN, 0}, {listener.fd(), POLLIN, 0}};
        ::poll(either, 2, 30000);
        new_one = either[1].revents != 0;
        if (!new_one) return ScriptedServer::answering(ok)(first);
        auto second = listener.accept();
        ScriptedServer::answering(ok)(second);
    }};
    CHECK(client.get().has_value());
    // The connection of that call is idle now, and good.
    CHECK(client.post_once("token").has_value());
    server.join();
    CHECK(new_one);
}

TEST_CASE("a line whose moment to send has passed sends nothing") {
    std::string came;
    ScriptedServer server{[&](RawSocket& socket) { came = socket.read_to_end(); }};
    {
        ClientBench client{server.origin()};
        auto line = client.dial();
        REQUIRE(line.has_value());
        const auto answer =
            run(client.loop, (*line)->send_once(HttpRequest{"POST", "/", {}, "a"},
                                                client.clock.steady(), client.in(60000)));
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().fault == Fault::try_later);
        CHECK(answer.error().code == "not_sent");
    }
    server.join();
    CHECK(came.empty());
}

TEST_CASE("requests to one origin share a connection, one after the other") {
    int connections = 0;
    ScriptedServer server{[&](RawSocket& socket) {
        ++connections;
        for (int i = 0; i < 3; ++i) ScriptedServer::answering(ok)(socket);
    }};
    ClientBench client{server.origin()};
    for (int i = 0; i < 3; ++i) CHECK(client.get().has_value());
    server.join();
    CHECK(connections == 1);
}

TEST_CASE("an idle connection that the server has closed is replaced before anything is sent") {
    std::promise<void> closed;
    int served = 0;
    ScriptedServer server{[&](RawSocket& socket) {
                              ScriptedServer::answering(ok)(socket);
                              socket.close();
                              if (++served == 1) closed.set_value();
                          },
                          2};
    ClientBench client{server.origin()};
    CHECK(client.get().has_value());
    closed.get_future().wait();
    CHECK(client.get().has_value());
}

TEST_CASE("a request whose bytes went out is never repeated") {
    std::atomic<int> requests{0};
    ScriptedServer server{[&](RawSocket& socket) {
        ++requests;
        ScriptedServer::answering(ok)(socket);
        if (!socket.read_until("\r\n\r\n").empty()) ++requests;
    }};
    ClientBench client{server.origin()};
    CHECK(client.get().has_value());
    const auto second = client.get();
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().fault == Fault::outcome_unknown);
    CHECK(second.error().code == "answer_lost");
    server.join();
    CHECK(requests == 2);
    CHECK_FALSE(server.listener().somebody_waits());
}

TEST_CASE("G14: a connection on which more or other than one answer came is never reused") {
    for (const std::string& answer :
         {ok + "x", ok + ok, std::string{"HTTP/1.1 204 No Content\r\n\r\nbody"},
          std::string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"},
          std::string{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"}}) {
        CAPTURE(answer);
        std::string more = "not looked at";
        ScriptedServer server{[&](RawSocket& socket) {
            ScriptedServer::answering(answer)(socket);
            more = socket.read_until("\r\n\r\n");
        }};
        ClientBench client{server.origin()};
        const auto first = client.get();
        REQUIRE(first.has_value());
        CHECK(first->whole);
        server.join();
        CHECK(more.empty());
    }
}

TEST_CASE("G14: an answer that does not say clearly where it ends is no answer") {
    for (const char* lines :
         {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
          "Content-Length: 2\r\nContent-Length: 2\r\n",
          "Content-Length: 2\r\nContent-Length: 3\r\n", "Transfer-Encoding: gzip, chunked\r\n",
          "Transfer-Encoding: identity\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
          "Content-Length: x\r\n"}) {
        CAPTURE(lines);
        ScriptedServer server{ScriptedServer::answering(std::string{"HTTP/1.1 200 OK\r\n"} + lines +
                                                        "\r\n2\r\nhi\r\n0\r\n\r\n")};
        ClientBench client{server.origin()};
        const auto answer = client.get();
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().fault == Fault::outcome_unknown);
    }
}

TEST_CASE("B16: a redirect is an answer like any other and is not followed") {
    for (const int status : {301, 302, 303, 307, 308}) {
        RawListener elsewhere;
        const auto there = "http://127.0.0.1:" + std::to_string(elsewhere.port()) + "/stolen";
        ScriptedServer server{ScriptedServer::answering("HTTP/1.1 " + std::to_string(status) +
                                                        " Moved\r\nLocation: " + there +
                                                        "\r\nContent-Length: 0\r\n\r\n")};
        ClientBench client{server.origin()};
        const auto answer = client.get();
        REQUIRE(answer.has_value());
        CHECK(answer->status == status);
        CHECK(answer->headers.find("Location") == there);
        CHECK_FALSE(elsewhere.somebody_waits());
    }
}

TEST_CASE("B17: eight interim answers are passed over, the ninth is too many, 101 is an error") {
    const auto send_after = [](int interim, const std::string& line) {
        std::string bytes;
        for (int i = 0; i < interim; ++i) bytes += "HTTP/1.1 " + line + "\r\nA: b\r\n\r\n";
        ScriptedServer server{ScriptedServer::answering(bytes + ok)};
        ClientBench client{server.origin()};
        return client.get();
    };
    const auto eight = send_after(8, "103 Early Hints");
    REQUIRE(eight.has_value());
    CHECK(eight->status == 200);
    CHECK(eight->body == "hi");
    CHECK(eight->headers.count("A") == 0);
    for (const auto& bad : {send_after(9, "100 Continue"), send_after(1000, "102 Processing"),
                            send_after(1, "101 Switching Protocols")}) {
        REQUIRE_FALSE(bad.has_value());
        CHECK(bad.error().fault == Fault::outcome_unknown);
        CHECK(bad.error().code == "answer_lost");
    }
}

TEST_CASE("B23: a content coding is left as it came") {
    ScriptedServer server{ScriptedServer::answering(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")};
    ClientBench client{server.origin()};
    const auto answer = client.get();
    REQUIRE(answer.has_value());
    CHECK(answer->headers.find("Content-Encoding") == "gzip");
    CHECK(answer->body == "abc");
}

TEST_CASE("a request that would break its own head, or brings framing of its own, is not sent") {
    RawListener nobody;
    ClientBench client{loopback(nobody.port())};
    const auto code = [&](HttpRequest request) {
        const auto answer = client.send(std::move(request));
        REQUIRE_FALSE(answer.has_value());
        return answer.error().code;
    };
    CHECK(code({"GET", "/a b"}) == "invalid_request");
    CHECK(code({"GET", "http://other/"}) == "invalid_request");
    CHECK(code({"GE T", "/"}) == "invalid_request");
    CHECK(code({"GET", "/", {{"A", "b\r\nC: d"}}}) == "invalid_request");
    CHECK(code({"GET", "/", {{"A:", "b"}}}) == "invalid_request");
    for (const char* name :
         {"Host", "content-length", "Transfer-Encoding", "Connection", "Expect"}) {
        CHECK(code({"GET", "/", {{name, "x"}}}) == "invalid_request");
    }
    CHECK_FALSE(nobody.somebody_waits());
}

TEST_CASE("H9: a name that resolves to a private address is refused and nothing connects") {
    RawListener inside;
    FakeResolver resolver{{}};
    NetOptions options = patient();
    options.resolver = &resolver;
    ClientBench client{loopback(1), std::move(options)};
    Origin to = named(inside.port());
    to.tls = true;
    int asked = 0;
    for (const char* address : {"127.0.0.1", "::1", "10.1.2.3", "169.254.169.254", "0.0.0.0", "::",
                                "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00::1", "fe80::1%lo"}) {
        CAPTURE(address);
        resolver.answer = {address};
        const auto line = run(client.loop, client.transport->dial(to, client.in(60000)));
        REQUIRE_FALSE(line.has_value());
        CHECK(line.error().fault == Fault::misconfigured);
        CHECK(line.error().code == "address_not_allowed");
        CHECK_FALSE(inside.somebody_waits());
        CHECK(resolver.asked == ++asked);  // what was checked is what would be connected to
    }
}

TEST_CASE("H9: being a private origin holds for exactly that host, port and scheme") {
    RawListener inside;
    ClientBench client{loopback(inside.port())};
    const auto code = [&](Origin to) {
        const auto line = run(client.loop, client.transport->dial(std::move(to), client.in(60000)));
        return line ? std::string{"connected"} : line.error().code;
    };
    Origin tls = client.to;
    tls.tls = true;
    Origin port = tls;
    port.port = 1;
    Origin plain = client.to;
    plain.port = 1;
    CHECK(code(tls) == "address_not_allowed");
    CHECK(code(port) == "address_not_allowed");
    CHECK(code(plain) == "plain_http_not_allowed");
    CHECK_FALSE(inside.somebody_waits());
    CHECK(code(client.to) == "connected");
}

TEST_CASE("K7: addresses are tried in turn, the two families alternating, at most sixteen") {
    const auto reached = [](std::vector<std::string> found) {
        ScriptedServer server{ScriptedServer::answering(ok), 0};
        FakeResolver resolver{std::move(found)};
        NetOptions options = patient();
        options.resolver = &resolver;
        ClientBench client{named(server.listener().port()), std::move(options)};
        return client.dial().has_value();
    };
    CHECK(reached({"127.0.0.2", "127.0.0.1"}));
    std::vector<std::string> many(15, "127.0.0.2");
    many.push_back("127.0.0.1");
    CHECK(reached(many));
    many.insert(many.begin(), "127.0.0.2");
    CHECK_FALSE(reached(many));
    std::vector<std::string> six(20, "::1");
    six.push_back("127.0.0.1");
    CHECK(reached(six));
}

TEST_CASE("K7: after the first byte no other address is tried") {
    std::atomic<int> requests{0};
    ScriptedServer server{[&](RawSocket& socket) {
        socket.read_until("\r\n\r\n");
        ++requests;
    }};
    FakeResolver resolver{{"127.0.0.1", "127.0.0.1"}};
    NetOptions options = patient();
    options.resolver = &resolver;
    ClientBench client{named(server.listener().port()), std::move(options)};
    const auto answer = client.get();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().fault == Fault::outcome_unknown);
    server.join();
    CHECK(requests == 1);
    CHECK_FALSE(server.listener().somebody_waits());
}

TEST_CASE("a caller who cancels gets an error as after a time-out, and the server a reset") {
    ClientBench* bench = nullptr;
    boost::asio::cancellation_signal cancel;
    bool was_reset = false;
    ScriptedServer server{[&](RawSocket& socket) {
        socket.read_until("\r\n\r\n");
        boost::asio::post(bench->loop,
                          [&] { cancel.emit(boost::asio::cancellation_type::terminal); });
        (void)socket.read();
        was_reset = socket.was_reset;
    }};
    ClientBench client{server.origin()};
    bench = &client;
    std::string code;
    boost::asio::co_spawn(
        client.loop, client.transport->send(client.to, HttpRequest{"GET", "/x"}, client.in(60000)),
        boost::asio::bind_cancellation_slot(
            cancel.slot(), [&](std::exception_ptr thrown, Result<HttpResponse> answer) {
                code = thrown ? "thrown" : answer ? "answered" : answer.error().code;
            }));
    client.loop.run();
    server.join();
    CHECK(code == "answer_lost");
    CHECK(was_reset);
}

TEST_CASE("one transport serves several loops, each with connections of its own") {
    ServerBench server;
    SystemClock clock;
    const Origin to = loopback(server.port);
    NetOptions options = patient();
    options.private_origins.push_back(to);
    boost::asio::io_context loops[4];
    NetTransport transport{std::move(options), clock};
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (auto& loop : loops) {
        threads.emplace_back([&] {
            for (int i = 0; i < 25; ++i) {
                const auto target = "/" + std::to_string(i);
                const auto answer =
                    run(loop, transport.send(to, HttpRequest{"GET", target}, clock.in(60s)));
                if (answer && answer->body == "GET " + target + " []") ++good;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(good == 100);
}

TEST_CASE("the system's resolver knows localhost and no invalid name") {
    SystemClock clock;
    SystemResolver resolver{clock};
    boost::asio::io_context loop;
    const auto found = run(loop, resolver.resolve("localhost", clock.in(60s)));
    REQUIRE(found.has_value());
    CHECK_FALSE(found->empty());
    const auto late = run(loop, resolver.resolve("localhost", clock.in(0ms)));
    CHECK_FALSE(late.has_value());
}
