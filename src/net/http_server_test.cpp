#include "net/http_server.h"

#include <stdexcept>

#include <doctest/doctest.h>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "net/server_bench.h"

using latchkey::test::RawSocket;
using latchkey::test::ServerBench;
using namespace latchkey;
using namespace std::chrono_literals;

namespace {

const std::string get = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string get_and_close = "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

Async<Reply> give(Reply reply) {
    co_return reply;
}

Async<Reply> fail(ServedRequest request) {
    if (request.path == "/x") throw std::runtime_error("a secret");
    co_return Reply{200};
}

/// A handler that holds its caller until the test lets it go.
struct Gate {
    using Clock = std::chrono::steady_clock;
    using Timer =
        boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;

    static Async<Reply> pass(Gate* gate, ServedRequest request) {
        Timer timer{co_await boost::asio::this_coro::executor};
        gate->entered.set_value();
        while (!gate->open) {
            timer.expires_after(1ms);
            boost::system::error_code ignored;
            co_await timer.async_wait(boost::asio::redirect_error(use_task, ignored));
        }
        gate->passed.set_value();
        Reply reply{200, {}, request.path};
        reply.sent = [gate](bool whole) { gate->sent.set_value(whole); };
        co_return reply;
    }

    std::promise<void> entered;
    std::promise<void> passed;
    std::promise<bool> sent;
    std::atomic<bool> open{false};
};

}  // namespace

TEST_CASE("a request is handed to the handler and answered") {
    ServerBench bench;
    const auto answer = bench.exchange(
        "POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(contains(answer, "\r\nConnection: close\r\n"));
    CHECK(answer.ends_with("\r\n\r\nPOST /a/b?c=d [hi]"));
    const auto seen = bench.seen();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].path == "/a/b");
    CHECK(seen[0].query == "c=d");
    CHECK(seen[0].peer == "127.0.0.1");
    CHECK_FALSE(seen[0].tls);
}

TEST_CASE("a connection carries many requests, answered in order") {
    ServerBench bench;
    const auto answer = bench.exchange(
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n" +
        get_and_close);
    CHECK(answer.find("GET /1 []") < answer.find("GET /2 []"));
    CHECK(answer.find("GET /2 []") < answer.find("GET /x []"));
    CHECK(answer.ends_with("GET /x []"));
}

TEST_CASE("HTTP/1.0 is closed after one answer unless it asks to be kept") {
    ServerBench bench;
    CHECK(contains(bench.exchange("GET /x HTTP/1.0\r\nHost: x\r\n\r\n"),
                   "\r\nConnection: close\r\n"));
    auto socket = RawSocket::connect(bench.port);
    for (int i = 0; i < 2; ++i) {
        socket.send("GET /x HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
        CHECK(contains(socket.read_until("[]"), "\r\nConnection: keep-alive\r\n"));
    }
}

TEST_CASE("a HEAD is answered with the length of the body and no body") {
    ServerBench bench;
    const auto answer = bench.exchange("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(contains(answer, "\r\nContent-Length: 10\r\n"));
    CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("204 and 304 go out without a body") {
    for (const int status : {204, 304}) {
        ServerBench bench;
        bench.handler = [status](ServedRequest) { return give(Reply{status, {}, "body"}); };
        const auto answer = bench.exchange(get_and_close);
        CHECK(answer.starts_with("HTTP/1.1 " + std::to_string(status) + " "));
        CHECK_FALSE(contains(answer, "Content-Length"));
        CHECK(answer.ends_with("\r\n\r\n"));
    }
}

TEST_CASE("framing that a handler sets is replaced by the true one") {
    ServerBench bench;
    bench.handler = [](ServedRequest) {
        return give(
            Reply{200, {{"Content-Length", "9"}, {"Transfer-Encoding", "chunked"}}, "body"});
    };
    const auto answer = bench.exchange(get_and_close);
    CHECK(contains(answer, "\r\nContent-Length: 4\r\n"));
    CHECK_FALSE(contains(answer, "chunked"));
}

TEST_CASE("a handler that throws is answered with 500, and the server goes on") {
    ServerBench bench;
    bench.handler = [](ServedRequest request) { return fail(std::move(request)); };
    const auto answer = bench.exchange(get_and_close);
    CHECK(answer.starts_with("HTTP/1.1 500 "));
    CHECK(contains(answer, "{\"error\":\"internal\""));
    CHECK_FALSE(contains(answer, "secret"));
    CHECK(bench.exchange("GET /y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
              .starts_with("HTTP/1.1 200 "));
}

TEST_CASE("a handler cannot split its answer with a line break in a header") {
    ServerBench bench;
    bench.handler = [](ServedRequest) {
        return give(Reply{200, {{"Location", "/a\r\nSet-Cookie: b"}}, ""});
    };
    const auto answer = bench.exchange(get_and_close);
    CHECK(answer.starts_with("HTTP/1.1 500 "));
    CHECK_FALSE(contains(answer, "Set-Cookie"));
}

TEST_CASE("a handler goes on when its caller has gone away") {
    for (const bool reset : {true, false}) {
        Gate gate;
        ServerBench bench;
        bench.handler = [&gate](ServedRequest request) {
            return Gate::pass(&gate, std::move(request));
        };
        auto socket = RawSocket::connect(bench.port);
        socket.send(get);
        gate.entered.get_future().wait();
        if (reset) socket.reset();
        socket.close();
        gate.open = true;
        gate.passed.get_future().get();
        const bool whole = gate.sent.get_future().get();
        // After an orderly close the kernel still takes the bytes; after a reset it does not.
        CHECK(whole != reset);
    }
}

TEST_CASE("a reply can reset the connection instead of answering") {
    ServerBench bench;
    std::promise<bool> sent;
    bench.handler = [&sent](ServedRequest) {
        Reply reply;
        reply.reset = true;
        reply.sent = [&sent](bool whole) { sent.set_value(whole); };
        return give(std::move(reply));
    };
    auto socket = RawSocket::connect(bench.port);
    socket.send(get);
    CHECK(socket.read().empty());
    CHECK(socket.was_reset);
    CHECK_FALSE(sent.get_future().get());
}

TEST_CASE("a reply can be cut after any number of its bytes") {
    for (const std::size_t cut : {1u, 30u, 70u}) {
        ServerBench bench;
        std::promise<bool> sent;
        bench.handler = [cut, &sent](ServedRequest) {
            Reply reply{200, {}, std::string(50, 'x')};
            reply.cut_at = cut;
            reply.sent = [&sent](bool whole) { sent.set_value(whole); };
            return give(std::move(reply));
        };
        auto socket = RawSocket::connect(bench.port);
        socket.send(get);
        CHECK(socket.read_to_end().size() == cut);
        CHECK(socket.was_reset);
        CHECK_FALSE(sent.get_future().get());
    }
}

TEST_CASE("a long cut reply arrives up to its cut") {
    ServerBench bench;
    bench.handler = [](ServedRequest) {
        Reply reply{200, {}, std::string(4 * 1000 * 1000, 'x')};
        reply.cut_at = 3 * 1000 * 1000;
        return give(std::move(reply));
    };
    auto socket = RawSocket::connect(bench.port);
    socket.send(get);
    CHECK(socket.read_to_end().size() == 3 * 1000 * 1000);
}

TEST_CASE("a slow head is answered with 408 and a slow body too") {
    ServerLimits limits;
    limits.head = 20ms;
    limits.body = 20ms;
    ServerBench bench{limits};
    CHECK(bench.exchange("GET /x HTTP/1.1\r\nHo").starts_with("HTTP/1.1 408 "));
    CHECK(bench.exchange("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel")
              .starts_with("HTTP/1.1 408 "));
    CHECK(bench.seen().empty());
}

TEST_CASE("an idle connection is closed without a word") {
    ServerLimits limits;
    limits.idle = 20ms;
    ServerBench bench{limits};
    auto socket = RawSocket::connect(bench.port);
    socket.send(get);
    CHECK(contains(socket.read_until("[]"), "200 OK"));
    CHECK(socket.read().empty());
    CHECK_FALSE(socket.was_reset);
    CHECK_FALSE(socket.timed_out);
}

TEST_CASE("a caller who says nothing at all is let go") {
    ServerLimits limits;
    limits.head = 20ms;
    ServerBench bench{limits};
    CHECK(bench.exchange("").empty());
}

TEST_CASE("a caller who does not read his answer is let go") {
    ServerLimits limits;
    limits.write = 20ms;
    ServerBench bench{limits};
    std::promise<bool> sent;
    bench.handler = [&sent](ServedRequest) {
        Reply reply{200, {}, std::string(64 * 1024 * 1024, 'x')};
        reply.sent = [&sent](bool whole) { sent.set_value(whole); };
        return give(std::move(reply));
    };
    auto socket = RawSocket::connect(bench.port);
    socket.send(get);
    CHECK_FALSE(sent.get_future().get());
}

TEST_CASE("a connection over the limit waits until another one ends") {
    Gate gate;
    ServerLimits limits;
    limits.connections = 1;
    ServerBench bench{limits};
    bench.handler = [&gate](ServedRequest request) {
        if (request.path == "/next") return give(Reply{200});
        return Gate::pass(&gate, std::move(request));
    };
    auto first = RawSocket::connect(bench.port);
    first.send(get);
    gate.entered.get_future().wait();
    auto second = RawSocket::connect(bench.port);
    second.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(bench.seen().size() == 1);
    gate.open = true;
    CHECK(contains(second.read_until("\r\n\r\n"), "200 OK"));
}

TEST_CASE("a stopping server finishes the request under way and takes no other") {
    Gate gate;
    ServerBench bench;
    bench.handler = [&gate](ServedRequest request) {
        return Gate::pass(&gate, std::move(request));
    };
    auto idle = RawSocket::connect(bench.port);
    auto busy = RawSocket::connect(bench.port);
    busy.send(get + get);
    gate.entered.get_future().wait();
    std::string answer;
    std::thread caller{[&] {
        (void)idle.read();  // ends when the server has begun to stop
        gate.open = true;
        answer = busy.read_to_end();
        busy.close();
    }};
    bench.stop(5s);
    caller.join();
    CHECK(contains(answer, "\r\nConnection: close\r\n"));
    CHECK(answer.ends_with("\r\n\r\n/x"));
    CHECK(bench.seen().size() == 1);
    CHECK_THROWS(RawSocket::connect(bench.port));
}

TEST_CASE("a stopping server waits no longer than it is told") {
    Gate gate;
    ServerBench bench;
    bench.handler = [&gate](ServedRequest request) {
        return Gate::pass(&gate, std::move(request));
    };
    auto busy = RawSocket::connect(bench.port);
    busy.send(get);
    gate.entered.get_future().wait();
    bench.stop(10ms);
    CHECK(busy.read().empty());
    CHECK(busy.was_reset);
    gate.open = true;
    CHECK_FALSE(gate.sent.get_future().get());
}

TEST_CASE("a server can be destroyed while a request is under way") {
    Gate gate;
    NoLog log;
    boost::asio::io_context loop;
    std::optional<HttpServer> server;
    server.emplace(
        loop, ServerLimits{},
        [&gate](ServedRequest request) { return Gate::pass(&gate, std::move(request)); }, log);
    auto socket = RawSocket::connect(server->listen("127.0.0.1", 0).value());
    socket.send(get);
    auto entered = gate.entered.get_future();
    while (entered.wait_for(0ms) != std::future_status::ready) loop.run_one();
    server.reset();
    gate.open = true;
    loop.run();
    CHECK_FALSE(gate.sent.get_future().get());
    CHECK(socket.read().empty());
}

TEST_CASE("a port in use, a strange address and unreadable TLS files are the operator's to fix") {
    ServerBench bench;
    NoLog log;
    boost::asio::io_context loop;
    HttpServer server{loop, ServerLimits{}, [](ServedRequest) { return give(Reply{200}); }, log};
    const auto code = [&](const std::string& host, std::uint16_t port, auto tls) {
        const auto listening = server.listen(host, port, tls);
        REQUIRE_FALSE(listening.has_value());
        CHECK(listening.error().fault == Fault::misconfigured);
        return listening.error().code;
    };
    CHECK(code("127.0.0.1", bench.port, std::nullopt) == "address_in_use");
    CHECK(code("not-an-address", 0, std::nullopt) == "invalid_listen_address");
    CHECK(code("192.0.2.1", 0, std::nullopt) == "invalid_listen_address");
    CHECK(code("127.0.0.1", 0, std::optional{ServerTls{"/nowhere.pem", "/nowhere.key"}}) ==
          "tls_files");
}
