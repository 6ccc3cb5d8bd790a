#include "net/net_transport.h"

#include <thread>

#include <doctest/doctest.h>

#include "net/server_bench.h"
#include "tests/support/certificates.h"
#include "tests/support/run.h"

using latchkey::test::Certificates;
using latchkey::test::run;
using latchkey::test::ServerBench;
using namespace latchkey;
using namespace std::chrono_literals;

namespace {

Origin loopback(std::uint16_t port, bool tls = false) {
    Origin origin;
    origin.tls = tls;
    origin.host = "127.0.0.1";
    origin.port = port;
    return origin;
}

/// A transport that may reach one origin on loopback, and the loop it runs on.
struct ClientBench {
    explicit ClientBench(Origin origin, std::string ca_file = {}) : to(std::move(origin)) {
        NetOptions options;
        options.private_origins.push_back(to);
        options.extra_ca_file = std::move(ca_file);
        transport.emplace(std::move(options), clock);
    }
    Result<HttpResponse> send(HttpRequest request) {
        return run(loop, transport->send(to, std::move(request), Deadline::in(5s)));
    }
    Result<std::unique_ptr<Line>> dial() {
        return run(loop, transport->dial(to, Deadline::in(5s)));
    }

    Origin to;
    SystemClock clock;
    boost::asio::io_context loop;
    std::optional<NetTransport> transport;
};

}  // namespace

TEST_CASE("a request is sent and its answer read over plain TCP") {
    ServerBench server;
    ClientBench client{loopback(server.port)};
    const auto answer = client.send(HttpRequest{"POST", "/token?x=1", {{"A", "b"}}, "grant"});
    REQUIRE(answer.has_value());
    CHECK(answer->status == 200);
    CHECK(answer->body == "POST /token?x=1 [grant]");
    CHECK(answer->whole);
    const auto seen = server.seen();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].headers.find("Host") == "127.0.0.1:" + std::to_string(server.port));
    CHECK(seen[0].headers.find("A") == "b");
}

TEST_CASE("a request is sent and its answer read over TLS") {
    Certificates authority;
    const auto files = authority.issue();
    ServerBench server{ServerLimits{}, ServerTls{files.certificate_file, files.key_file}};
    ClientBench client{loopback(server.port, true), authority.ca_file()};
    const std::string large(1000 * 1000, 'x');
    const auto answer = client.send(HttpRequest{"PUT", "/", {}, large});
    REQUIRE(answer.has_value());
    CHECK(answer->body == "PUT / [" + large + "]");
    CHECK(server.seen().at(0).tls);
    const auto again = client.send(HttpRequest{"GET", "/again"});
    REQUIRE(again.has_value());
    CHECK(again->body == "GET /again []");
}

TEST_CASE("a line carries exactly one request") {
    ServerBench server;
    ClientBench client{loopback(server.port)};
    auto line = client.dial();
    REQUIRE(line.has_value());
    const auto first =
        run(client.loop, (*line)->send_once(HttpRequest{"POST", "/token", {}, "a"},
                                            client.clock.steady() + 2s, Deadline::in(5s)));
    REQUIRE(first.has_value());
    CHECK(first->body == "POST /token [a]");
    CHECK(server.seen().at(0).headers.find("Connection") == "close");
    const auto second =
        run(client.loop, (*line)->send_once(HttpRequest{"POST", "/token", {}, "a"},
                                            client.clock.steady() + 2s, Deadline::in(5s)));
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == "line_used");
    CHECK(server.seen().size() == 1);
}
