#include <doctest/doctest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include "emulator/bench.h"

namespace latchkey::emulator::test {

using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

/// Sends `text` on a connection of its own and returns all that comes back; with `leave` it goes
/// away at once instead.
Async<std::string> talk(boost::asio::io_context& loop, std::uint16_t port, std::string text,
                        bool leave) {
    Socket socket{loop};
    const boost::asio::ip::tcp::endpoint to{boost::asio::ip::address_v4::loopback(), port};
    co_await socket.async_connect(to, use_task);
    co_await boost::asio::async_write(socket, boost::asio::buffer(text), use_task);
    if (leave) {
        socket.set_option(Socket::linger(true, 0));
        co_return "";
    }
    std::string answer;
    boost::system::error_code ended;
    co_await boost::asio::async_read(socket,
                                     boost::asio::dynamic_buffer(answer, std::size_t{1 << 20}),
                                     boost::asio::redirect_error(use_task, ended));
    co_return answer;
}

Async<bool> stopped(Emulator& emulator, Deadline by) {
    co_await emulator.stop(by);
    co_return true;
}

/// A bench whose emulator listens on a port of its own.
struct Listening : Bench {
    Listening() : Bench(Options{.port = 0}) {
        const auto opened = emulator.start();
        REQUIRE(opened.has_value());
        port = *opened;
    }
    ~Listening() {
        latchkey::test::run(loop, stopped(emulator, clock.in(std::chrono::seconds{0})));
    }

    std::string exchange_bytes(std::string text, bool leave = false) {
        return latchkey::test::run(loop, talk(loop, port, std::move(text), leave));
    }
    static std::string refresh_text(const std::string& token) {
        const auto body = print_form(refresh_of(token));
        return "POST /services/oauth2/token HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
               "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    std::uint16_t port = 0;
};

TEST_CASE("it listens on a free port, knows its URL, and takes chunked bodies") {
    Listening bench;
    CHECK(bench.emulator.url() == "http://127.0.0.1:" + std::to_string(bench.port));
    const auto mine = bench.connect();
    const auto body = print_form(Bench::refresh_of(mine.refresh));
    char size[16];
    std::snprintf(size, sizeof size, "%zx", body.size());
    const auto answer = bench.exchange_bytes(
        "POST /services/oauth2/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n" +
        std::string{size} + "\r\n" + body + "\r\n0\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 200 "));
    CHECK(answer.find("\"access_token\"") != std::string::npos);
    const auto uses = bench.control("GET", "ledger?uses=1").at("uses").as_array();
    REQUIRE(uses.size() == 1);
    CHECK(uses[0].at("handed_over").as_bool());
}

TEST_CASE("J3: a refresh whose client has gone is processed all the same") {
    Listening bench;
    const auto mine = bench.connect();
    bench.client(R"({"client_id":"latchkey-demo","refresh_latency":3000})");
    bench.exchange_bytes(Listening::refresh_text(mine.refresh), true);
    while (bench.clock.sleepers() == 0) bench.loop.run_one();
    bench.clock.advance(std::chrono::seconds{3});
    while (bench.emulator.ledger().totals().refreshes == 0) bench.loop.run_one();
    CHECK_FALSE(bench.active(mine.refresh));
}

TEST_CASE("a cut or a reset answer of a refresh was not handed over") {
    Listening bench;
    for (const auto* fault : {R"({"path":"/services/oauth2/token","when":"after","reset":true})",
                              R"({"path":"/services/oauth2/token","when":"after","cut_at":20})"}) {
        const auto mine = bench.connect();
        bench.control("POST", "faults", fault);
        const auto answer = bench.exchange_bytes(Listening::refresh_text(mine.refresh));
        CHECK(answer.size() <= 20);
        const auto uses = bench.control("GET", "ledger?uses=1").at("uses").as_array();
        CHECK(Bench::text(uses.back(), "outcome") == "refreshed");
        CHECK_FALSE(uses.back().at("handed_over").as_bool());
        CHECK_FALSE(bench.active(mine.refresh));
    }
}

}  // namespace latchkey::emulator::test
