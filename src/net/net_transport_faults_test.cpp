#include <array>
#include <atomic>
#include <limits>

#include <doctest/doctest.h>
#include <boost/asio/error.hpp>

#include "net/client_bench.h"
#include "net/server_bench.h"
#include "tests/support/fake_clock.h"

using namespace latchkey;
using namespace latchkey::test;
using namespace std::chrono_literals;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// A stream that hands over only so many bytes of a request, and then breaks.
class BreakingStream final : public Stream {
public:
    BreakingStream(std::unique_ptr<Stream> inner, std::size_t bytes)
        : inner_(std::move(inner)), left_(bytes) {}
    Async<std::size_t> read_some(std::span<char> into, boost::system::error_code& failed) override {
        failed = boost::asio::error::connection_reset;
        (void)into;
        co_return 0;
    }
    Async<void> write(std::string_view bytes, std::size_t& handed,
                      boost::system::error_code& failed) override {
        const auto some = bytes.substr(0, left_);
        co_await inner_->write(some, handed, failed);
        if (some.size() < bytes.size()) failed = boost::asio::error::connection_reset;
        inner_->reset();
    }
    Async<void> close() override { co_await inner_->close(); }
    void reset() noexcept override { inner_->reset(); }
    bool stale() override { return inner_->stale(); }
    std::string peer() const override { return inner_->peer(); }

private:
    std::unique_ptr<Stream> inner_;
    std::size_t left_;
};

/// The answer to a refresh that the server resets after `bytes` of `answer`.
Result<HttpResponse> cut_after(std::string answer, std::size_t bytes, bool reset = true) {
    ScriptedServer server{[&](RawSocket& socket) {
        socket.read_until("a");
        socket.send(std::string_view{answer}.substr(0, bytes));
        if (reset) socket.reset();
    }};
    ClientBench client{server.origin()};
    return client.post_once("a");
}

/// The same with a server that says everything and closes.
Result<HttpResponse> answer_of(std::string answer, TransportLimits limits = {}) {
    ScriptedServer server{[&](RawSocket& socket) {
        socket.read_until("a");
        socket.send(answer);
    }};
    NetOptions options = patient();
    options.limits = limits;
    ClientBench client{server.origin(), std::move(options)};
    return client.post_once("a");
}

void is_unknown(const Result<HttpResponse>& answer, const char* code = "answer_lost") {
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().fault == Fault::outcome_unknown);
    CHECK(answer.error().code == code);
}

void is_unreachable(const Result<HttpResponse>& answer) {
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().fault == Fault::try_later);
    CHECK(answer.error().code == "upstream_unreachable");
}

/// A stream on which every read takes a second.
class SlowStream final : public Stream {
public:
    SlowStream(std::unique_ptr<Stream> inner, FakeClock& clock)
        : inner_(std::move(inner)), clock_(clock) {}
    Async<std::size_t> read_some(std::span<char> into, boost::system::error_code& failed) override {
        const auto got = co_await inner_->read_some(into, failed);
        clock_.advance(1s);
        co_return got;
    }
    Async<void> write(std::string_view bytes, std::size_t& handed,
                      boost::system::error_code& failed) override {
        co_await inner_->write(bytes, handed, failed);
    }
    Async<void> close() override { co_await inner_->close(); }
    void reset() noexcept override { inner_->reset(); }
    bool stale() override { return inner_->stale(); }
    std::string peer() const override { return inner_->peer(); }

private:
    std::unique_ptr<Stream> inner_;
    FakeClock& clock_;
};

/// A transport whose time is moved by the test.
struct TimedBench {
    explicit TimedBench(Origin origin) : to(std::move(origin)) {
        NetOptions options = patient();
        options.private_origins.push_back(to);
        options.wrap = [this](std::unique_ptr<Stream> inner) -> std::unique_ptr<Stream> {
            return std::make_unique<SlowStream>(std::move(inner), clock);
        };
        transport.emplace(std::move(options), clock);
    }
    Result<HttpResponse> get(std::chrono::milliseconds within) {
        return run(loop, transport->send(to, HttpRequest{"GET", "/x"}, clock.in(within)));
    }
    Origin to;
    FakeClock clock;
    boost::asio::io_context loop;
    std::optional<NetTransport> transport;
};

}  // namespace

TEST_CASE("K1: no name and a refused port leave everything unsent") {
    ClientBench nowhere{loopback(1)};
    is_unreachable(nowhere.get());

    struct NoName final : Resolver {
        Task<std::vector<std::string>> resolve(std::string, Deadline) override {
            co_return Error{Fault::try_later, "upstream_unreachable", "No such name."};
        }
    } no_name;
    NetOptions options = patient();
    options.resolver = &no_name;
    Origin to = loopback(1);
    to.host = "nowhere.example";
    ClientBench nameless{to, std::move(options)};
    is_unreachable(nameless.get());
}

TEST_CASE("K1: a black hole is given up when the time to connect is over") {
    // A listener with a full queue drops the next caller's SYN.
    const int hole = ::socket(AF_INET, SOCK_STREAM, 0);
    auto here = RawSocket::loopback(0);
    socklen_t size = sizeof here;
    REQUIRE(::bind(hole, reinterpret_cast<sockaddr*>(&here), size) == 0);
    REQUIRE(::listen(hole, 0) == 0);
    ::getsockname(hole, reinterpret_cast<sockaddr*>(&here), &size);
    std::array<int, 2> fill{};
    for (int& fd : fill) {
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)::connect(fd, reinterpret_cast<sockaddr*>(&here), size);
    }
    NetOptions options = patient();
    options.limits.resolve_and_connect = 30ms;
    ClientBench client{loopback(ntohs(here.sin_port)), std::move(options)};
    is_unreachable(client.get());
    for (const int fd : fill) ::close(fd);
    ::close(hole);
}

TEST_CASE("K1: a server that stalls in the TLS handshake is given up, with a reset") {
    bool was_reset = false;
    ScriptedServer server{[&](RawSocket& socket) {
        (void)socket.read();
        while (!socket.read().empty()) {
        }
        was_reset = socket.was_reset;
    }};
    NetOptions options = patient();
    options.limits.tls_handshake = 30ms;
    Origin to = server.origin();
    to.tls = true;
    ClientBench client{to, std::move(options)};
    is_unreachable(client.get());
    server.join();
    CHECK(was_reset);
}

TEST_CASE("K2: only a request of which no byte was handed over counts as not sent") {
    const auto after = [](std::size_t bytes) {
        ScriptedServer server{[](RawSocket& socket) { socket.read_to_end(); }};
        NetOptions options = patient();
        options.wrap = [bytes](std::unique_ptr<Stream> inner) -> std::unique_ptr<Stream> {
            return std::make_unique<BreakingStream>(std::move(inner), bytes);
        };
        ClientBench client{server.origin(), std::move(options)};
        return client.post_once("a");
    };
    const auto none = after(0);
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().fault == Fault::try_later);
    CHECK(none.error().code == "not_sent");
    is_unknown(after(1));
    is_unknown(after(60));
    is_unknown(after(std::numeric_limits<std::size_t>::max()));
}

TEST_CASE("K3: a reset in the status line or the head loses the answer") {
    const auto head = ok.find("\r\n\r\n") + 4;
    for (std::size_t bytes = 0; bytes < head; bytes += 3) {
        CAPTURE(bytes);
        is_unknown(cut_after(ok, bytes));
    }
    is_unknown(cut_after(ok, head - 1));
    is_unknown(cut_after(ok, head - 1, false));
}

TEST_CASE("K3: a reset in the body leaves what came, marked as cut") {
    const auto head = ok.find("\r\n\r\n") + 4;
    for (const bool reset : {true, false}) {
        for (std::size_t more : {0, 1}) {
            const auto answer = cut_after(ok, head + more, reset);
            REQUIRE(answer.has_value());
            CHECK_FALSE(answer->whole);
            CHECK(answer->status == 200);
            CHECK(answer->body == std::string{"hi"}.substr(0, more));
        }
    }
}

TEST_CASE("K3: a reset in chunks leaves what came, marked as cut") {
    const std::string chunks =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for (const auto missing : {1u, 2u, 5u, 7u}) {
        const auto answer = cut_after(chunks, chunks.size() - missing);
        REQUIRE(answer.has_value());
        CHECK_FALSE(answer->whole);
        CHECK(answer->body == "hello");
    }
    const auto broken = answer_of(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\nx\r\n");
    REQUIRE(broken.has_value());
    CHECK_FALSE(broken->whole);
    CHECK(broken->body == "hello");
}

TEST_CASE("K3: a reset after the body does not harm the answer") {
    const auto answer = cut_after(ok, ok.size());
    REQUIRE(answer.has_value());
    CHECK(answer->whole);
    CHECK(answer->body == "hi");
}

TEST_CASE("K4: a head that never comes ends with its phase, with a reset") {
    FakeClock* clock = nullptr;
    bool was_reset = false;
    ScriptedServer server{[&](RawSocket& socket) {
        socket.read_until("\r\n\r\n");
        socket.send("HTTP/1.1 200");
        for (int i = 0; i < 10000 && !socket.gone(); ++i) clock->advance(10s);
        (void)socket.read();
        was_reset = socket.was_reset;
    }};
    TimedBench bench{server.origin()};
    clock = &bench.clock;
    is_unknown(bench.get(1000h));
    server.join();
    CHECK(was_reset);
}

TEST_CASE("K4: a body that never ends is cut at the caller's deadline") {
    ScriptedServer server{[&](RawSocket& socket) {
        socket.read_until("\r\n\r\n");
        socket.send("HTTP/1.1 200 OK\r\n\r\nforever");
        while (socket.send("!")) {
        }
    }};
    TimedBench bench{server.origin()};
    const auto answer = bench.get(90s);
    REQUIRE(answer.has_value());
    CHECK_FALSE(answer->whole);
    CHECK(answer->body.starts_with("forever!"));
}

TEST_CASE("K5: too many header lines, too long a head and too long a body are bounded errors") {
    std::string lines;
    for (int i = 0; i < 10000; ++i) lines += "A: b\r\n";
    is_unknown(answer_of("HTTP/1.1 200 OK\r\n" + lines + "\r\n"), "answer_too_large");
    is_unknown(answer_of("HTTP/1.1 200 OK\r\n" + lines.substr(0, 6 * 201) + "\r\n"),
               "answer_too_large");
    is_unknown(answer_of("HTTP/1.1 200 OK\r\nA: " + std::string(1024 * 1024, 'b')),
               "answer_too_large");
    TransportLimits limits;
    limits.body_bytes = 10;
    const std::string head = "HTTP/1.1 200 OK\r\n";
    is_unknown(answer_of(head + "Content-Length: 11\r\n\r\n", limits), "answer_too_large");
    is_unknown(answer_of(head + "\r\n01234567890", limits), "answer_too_large");
    is_unknown(answer_of(head + "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n", limits),
               "answer_too_large");
    CHECK(answer_of(head + "Content-Length: 10\r\n\r\n0123456789", limits).has_value());
}

TEST_CASE("K6: a length too short gives exactly those bytes, one too long is a cut") {
    const auto shorter = answer_of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhixx");
    REQUIRE(shorter.has_value());
    CHECK(shorter->body == "hi");
    CHECK(shorter->whole);
    const auto longer = answer_of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi");
    REQUIRE(longer.has_value());
    CHECK(longer->body == "hi");
    CHECK_FALSE(longer->whole);
}

TEST_CASE("K6: a body that ends with the connection, and HTTP/1.0, are understood") {
    for (const char* line : {"HTTP/1.1 200 OK", "HTTP/1.0 200 OK"}) {
        const auto answer = answer_of(std::string{line} + "\r\nA: b\r\n\r\nall of it");
        REQUIRE(answer.has_value());
        CHECK(answer->whole);
        CHECK(answer->body == "all of it");
    }
    const auto cut = cut_after("HTTP/1.0 200 OK\r\n\r\nall of it", 24);
    REQUIRE(cut.has_value());
    CHECK_FALSE(cut->whole);
}

TEST_CASE("an answer that is not HTTP is no answer") {
    for (const char* bytes :
         {"", "hello\r\n\r\n", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\nA: b\n\n",
          "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/3.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nA b\r\n\r\n"}) {
        CAPTURE(bytes);
        is_unknown(answer_of(bytes));
    }
}

TEST_CASE("a deadline that has passed already sends nothing") {
    RawListener nobody;
    ClientBench client{loopback(nobody.port())};
    const auto answer = run(
        client.loop, client.transport->send(client.to, HttpRequest{"GET", "/x"}, client.in(-1)));
    is_unreachable(answer);
    CHECK_FALSE(nobody.somebody_waits());
}

TEST_CASE("a line that is dropped before its answer resets the connection") {
    bool was_reset = false;
    ScriptedServer server{[&](RawSocket& socket) {
        (void)socket.read();
        was_reset = socket.was_reset;
    }};
    {
        ClientBench client{server.origin()};
        CHECK(client.dial().has_value());
    }
    server.join();
    CHECK(was_reset);
}

TEST_CASE("G16: many callers of one loop each get their own answer, whatever the others do") {
    ServerBench server;
    ClientBench client{loopback(server.port)};
    constexpr int callers = 200;
    std::atomic<int> good{0};
    int done = 0;
    for (int i = 0; i < callers; ++i) {
        const std::string body(static_cast<std::size_t>(i * 37 % 5000), 'a');
        const auto target = "/" + std::to_string(i);
        const auto wanted = "POST " + target + " [" + body + "]";
        // Every tenth caller has no time at all.
        const auto by = client.in(i % 10 == 9 ? 0 : 60000);
        boost::asio::co_spawn(
            client.loop,
            client.transport->send(client.to, HttpRequest{"POST", target, {}, body}, by),
            [&, wanted](std::exception_ptr, Result<HttpResponse> answer) {
                ++done;
                if (answer && answer->body == wanted) ++good;
            });
    }
    while (done < callers && client.loop.run_one() != 0) {
    }
    CHECK(good == callers - callers / 10);
}
