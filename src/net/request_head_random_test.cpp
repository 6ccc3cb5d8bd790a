#include <cstdlib>
#include <random>
#include <set>
#include <string>

#include <doctest/doctest.h>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/request_head.h"
#include "net/server_bench.h"

using namespace latchkey;
using latchkey::test::RawSocket;
using latchkey::test::ServerBench;

namespace {

namespace http = boost::beast::http;

/// Pieces that requests are made of, and those that have fooled parsers.
const std::string pieces[] = {"\r\n",
                              "\n",
                              "\r",
                              " ",
                              "\t",
                              ":",
                              ";",
                              ",",
                              "0",
                              "5",
                              "\x01",
                              "\x7f",
                              "\xff",
                              std::string(1, '\0'),
                              "Content-Length: 5\r\n",
                              "Transfer-Encoding: chunked\r\n",
                              "Host: a\r\n",
                              "chunked",
                              "HTTP/1.1",
                              "HTTP/1.0",
                              "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
                              "\r\n\r\n",
                              "0\r\n\r\n",
                              "Connection: close\r\n",
                              "Expect: 100-continue\r\n",
                              "\r\n "};

const std::string models[] = {
    "GET /x?y=z HTTP/1.1\r\nHost: app.example\r\nAccept: */*\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: app.example\r\nContent-Length: 5\r\n\r\nhello",
    "POST /x HTTP/1.1\r\nHost: a:80\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "PUT /x HTTP/1.0\r\nHost: [::1]\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"};

class Mutator {
public:
    explicit Mutator(std::uint64_t seed) : random_(seed) {}

    std::string next() {
        std::string text = models[below(std::size(models))];
        for (auto changes = 1 + below(3); changes > 0; --changes) change(text);
        return text;
    }

private:
    std::size_t below(std::size_t end) { return random_() % end; }

    void change(std::string& text) {
        const auto at = below(text.size() + 1);
        switch (below(5)) {
            case 0:
                text.insert(at, pieces[below(std::size(pieces))]);
                break;
            case 1:
                text.erase(at, 1 + below(4));
                break;
            case 2:
                if (at < text.size()) text[at] = static_cast<char>(random_());
                break;
            case 3:
                text.insert(at, text.substr(below(text.size() + 1), below(20)));
                break;
            default:
                if (at < text.size()) text[at] ^= static_cast<char>(1 << below(8));
        }
    }

    std::mt19937_64 random_;
};

std::uint64_t seed() {
    const char* wanted = std::getenv("LATCHKEY_SEED");
    return wanted ? std::strtoull(wanted, nullptr, 10) : 20261123;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

}  // namespace

TEST_CASE("whatever head is accepted means the same to an independent parser") {
    Mutator mutator{seed()};
    int accepted = 0;
    for (int round = 0; round < 50000; ++round) {
        const auto text = mutator.next();
        const auto end = text.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        const auto head = text.substr(0, end + 4);
        RequestHead facts;
        if (scan_request(head, ServerLimits{}, facts)) continue;
        CAPTURE(seed());
        CAPTURE(head);
        http::request_parser<http::string_body> parser;
        boost::system::error_code failed;
        const auto used = parser.put(boost::asio::buffer(head), failed);
        if (failed && failed != http::error::need_more) continue;  // the server refuses it too
        ++accepted;
        REQUIRE(used == head.size());
        REQUIRE(parser.is_header_done());
        CHECK(parser.chunked() == facts.chunked);
        if (!facts.chunked) CHECK(parser.content_length().value_or(0) == facts.length);
        CHECK(parser.get().count(http::field::host) == 1);
        CHECK(parser.get().target() == facts.target);
        CHECK(parser.get().method_string() == facts.method);
        // Where both are asked for, Beast keeps the connection; RFC 9112 section 9.3 closes it.
        if (facts.keep_alive || !facts.http_1_0) CHECK(parser.keep_alive() == facts.keep_alive);
        REQUIRE(std::distance(parser.get().begin(), parser.get().end()) ==
                static_cast<std::ptrdiff_t>(facts.lines.size()));
        // As sets: Beast puts lines of one name together.
        std::multiset<std::string> theirs;
        for (const auto& field : parser.get())
            theirs.insert(std::string{field.name_string()} + ": " + std::string{field.value()});
        std::multiset<std::string> read;
        for (const auto& line : facts.lines)
            read.insert(std::string{line.name} + ": " + std::string{line.value});
        CHECK(read == theirs);
    }
    CHECK(accepted > 1000);
}

TEST_CASE("no mutation of one request is served as two, and none harms the server") {
    Mutator mutator{seed() + 1};
    ServerBench bench;
    std::size_t served = 0;
    for (int round = 0; round < 1500; ++round) {
        const auto text = mutator.next();
        CAPTURE(seed());
        CAPTURE(text);
        const auto answer = bench.exchange_and_end(text);
        const auto handled = bench.seen().size() - served;
        served += handled;
        // A second request line in the text may be a second request; nothing else may.
        const auto lines = count(text, " HTTP/1.1\r\n") + count(text, " HTTP/1.0\r\n");
        CHECK(handled <= lines);
        CHECK(count(answer, "HTTP/1.1 200 OK\r\n") == handled);
        CHECK(count(answer, "HTTP/1.1 500 ") == 0);
    }
    CHECK(served > 100);
    CHECK(bench.exchange_and_end(models[0]).starts_with("HTTP/1.1 200 OK"));
}
