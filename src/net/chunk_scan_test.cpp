#include "net/chunk_scan.h"

#include <optional>
#include <random>
#include <string>

#include <doctest/doctest.h>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

using latchkey::ChunkScanner;

namespace {

struct Scanned {
    std::string data;
    std::string passed_on;  ///< without the trailer
    std::size_t used = 0;   ///< up to the end
    bool ended = false;
    bool broken = false;
};

/// Scans `bytes` in pieces of at most `piece`.
Scanned scan(std::string_view bytes, std::size_t piece = std::string_view::npos) {
    ChunkScanner scanner;
    Scanned result;
    while (!bytes.empty() && !scanner.ended()) {
        auto part = bytes.substr(0, piece);
        while (!part.empty() && !scanner.ended()) {
            const auto step = scanner.next(part);
            if (step.piece == ChunkScanner::Piece::broken) {
                result.broken = true;
                return result;
            }
            REQUIRE(step.bytes > 0);
            const auto seen = part.substr(0, step.bytes);
            if (step.piece == ChunkScanner::Piece::data) result.data += seen;
            if (step.piece != ChunkScanner::Piece::trailer) result.passed_on += seen;
            result.used += step.bytes;
            part.remove_prefix(step.bytes);
            bytes.remove_prefix(step.bytes);
        }
    }
    result.ended = scanner.ended();
    return result;
}

bool broken(std::string_view bytes) {
    const bool at_once = scan(bytes).broken;
    CHECK(scan(bytes, 1).broken == at_once);
    return at_once;
}

namespace http = boost::beast::http;

/// What Beast makes of the same bytes.
std::optional<std::pair<std::string, std::size_t>> by_beast(const std::string& body) {
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string all = head + body;
    std::size_t at = 0;
    while (!parser.is_done()) {
        boost::system::error_code failed;
        const auto used = parser.put(boost::asio::buffer(all.data() + at, all.size() - at), failed);
        at += used;
        if (failed || (used == 0 && !parser.is_done())) return std::nullopt;
    }
    return std::pair{parser.get().body(), at - head.size()};
}

}  // namespace

TEST_CASE("a chunked body is found out to its last byte, however its bytes come") {
    const std::string body = "5\r\nhello\r\n00a;x=y\r\n, chunked!\r\n0\r\n\r\n";
    for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
        const auto seen = scan(body + "GET /next", piece);
        CHECK(seen.ended);
        CHECK(seen.data == "hello, chunked!");
        CHECK(seen.used == body.size());
        CHECK(seen.passed_on + "\r\n" == body);
    }
}

TEST_CASE("G12: a trailer is told apart from the chunks, so that nobody has to pass it on") {
    const auto seen = scan("1\r\nx\r\n0\r\nContent-Length: 9\r\nAuthorization: x\r\n\r\n");
    CHECK(seen.ended);
    CHECK(seen.passed_on == "1\r\nx\r\n0\r\n");
    CHECK(broken("0\r\nno colon\r\n\r\n"));
    CHECK(broken("0\r\n folded\r\n\r\n"));
    CHECK(broken("0\r\nA: b\n\r\n"));
    CHECK(broken("0\r\nA: " + std::string(9000, 'b') + "\r\n\r\n"));
}

TEST_CASE("G5: chunks on which two programs could disagree are broken") {
    for (const char* body : {"\r\nhello",
                             ";x\r\n",
                             "0x1\r\na\r\n",
                             "+1\r\na\r\n",
                             "1_0\r\n",
                             "g\r\n",
                             "5 \r\nhello\r\n",
                             "5\nhello\r\n",
                             "5\r\nhello\n0\r\n\r\n",
                             "5\r\nhello0\r\n\r\n",
                             "5\r\nhelloX\r\n0\r\n\r\n",
                             "5;a\rb\r\nhello\r\n",
                             "5;\x01\r\nhello\r\n",
                             "5\r\r\nhello",
                             "5\r\nhello\r\r\n",
                             "00000000000000005\r\nhello\r\n",
                             "ffffffffffffffff\r\n",
                             "0\r\n\n",
                             "0\r\n\rx",
                             "0\r\r\n"}) {
        CAPTURE(body);
        CHECK(broken(body));
    }
    CHECK(broken("5;" + std::string(2000, 'x') + "\r\nhello"));
    CHECK_FALSE(broken("0000000000000005\r\nhello\r\n0\r\n\r\n"));
}

TEST_CASE("G5: a body whose last chunk is missing has not ended") {
    for (const char* body : {"", "5", "5\r\n", "5\r\nhel", "5\r\nhello\r\n", "0\r\n", "0\r\n\r"}) {
        CHECK_FALSE(scan(body).ended);
        CHECK_FALSE(scan(body).broken);
    }
}

TEST_CASE("where a mutated body ends is where an independent parser says, or it is refused") {
    const std::string pieces[] = {
        "\r\n",     "\n",   "\r",    " ", ";",  "0",         "5",
        "a",        "f",    "hello", ":", "\t", "0\r\n\r\n", "5\r\nhello\r\n",
        "X: y\r\n", "\x01", "\xff",  "g"};
    const std::string models[] = {"5\r\nhello\r\n0\r\n\r\n", "1;a=b\r\nx\r\n0\r\nT: v\r\n\r\n",
                                  "0\r\n\r\n", "000a\r\n0123456789\r\n2\r\nxy\r\n0\r\n\r\n"};
    std::mt19937_64 random{20261125};
    int both = 0;
    for (int round = 0; round < 50000; ++round) {
        std::string body = models[random() % std::size(models)];
        for (auto changes = random() % 3; changes > 0; --changes) {
            const auto at = random() % (body.size() + 1);
            if (random() % 2 == 0)
                body.insert(at, pieces[random() % std::size(pieces)]);
            else
                body.erase(at, 1 + random() % 2);
        }
        const auto ours = scan(body);
        if (!ours.ended) continue;
        const auto theirs = by_beast(body);
        // Only the inside of an extension, which nobody reads, is looked at less closely here.
        if (!theirs) {
            CAPTURE(body);
            CHECK(body.find(';') != std::string::npos);
            continue;
        }
        ++both;
        CAPTURE(body);
        CHECK(ours.data == theirs->first);
        CHECK(ours.used == theirs->second);
    }
    CHECK(both > 5000);
}
