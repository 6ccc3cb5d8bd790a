#include "net/http_server.h"

#include <doctest/doctest.h>

#include "net/server_bench.h"

using latchkey::test::RawSocket;
using latchkey::test::ServerBench;
using namespace latchkey;

namespace {

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

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
