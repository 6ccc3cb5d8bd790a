#include "net/answer_head.h"

#include <random>
#include <set>
#include <string>

#include <doctest/doctest.h>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

using latchkey::AnswerHead;
using latchkey::scan_answer;
using Ends = latchkey::AnswerHead::Ends;

namespace {

constexpr std::size_t most_lines = 200;

bool refused(const std::string& bytes) {
    AnswerHead head;
    return scan_answer(bytes, most_lines, head) != nullptr;
}

AnswerHead read(const std::string& bytes) {
    AnswerHead head;
    REQUIRE(scan_answer(bytes, most_lines, head) == nullptr);
    return head;
}

std::string ok(const std::string& lines) {
    return "HTTP/1.1 200 OK\r\n" + lines + "\r\n";
}

namespace http = boost::beast::http;

}  // namespace

TEST_CASE("an answer's head says how its body ends") {
    CHECK(read(ok("Content-Length: 5\r\n")).ends(false) == Ends::by_length);
    CHECK(read(ok("Content-Length: 0\r\n")).ends(false) == Ends::at_once);
    CHECK(read(ok("Transfer-Encoding: Chunked\r\n")).ends(false) == Ends::by_chunks);
    CHECK(read(ok("A: b\r\n")).ends(false) == Ends::by_close);
    CHECK(read(ok("Content-Length: 5\r\n")).ends(true) == Ends::at_once);
    CHECK(read("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n").ends(false) ==
          Ends::at_once);
    CHECK(read("HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n").ends(false) == Ends::at_once);
    CHECK(read("HTTP/1.1 100 Continue\r\n\r\n").ends(false) == Ends::at_once);
}

TEST_CASE("an answer's head says whether another request may follow") {
    CHECK(read(ok("")).keep_alive);
    CHECK_FALSE(read(ok("Connection: foo, Close\r\n")).keep_alive);
    CHECK_FALSE(read("HTTP/1.0 200 OK\r\n\r\n").keep_alive);
    CHECK(read("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").keep_alive);
    CHECK(read("HTTP/1.1 200\r\n\r\n").status == 200);
}

TEST_CASE("G14: an answer that programs could read differently is refused") {
    for (const char* lines :
         {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
          "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5, 5\r\n",
          "Content-Length: +5\r\n", "Content-Length:\r\n",
          "Content-Length: 9223372036854775808\r\n", "Transfer-Encoding: gzip, chunked\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "A: b\r\n folded\r\n",
          "Connection: 0 \xe4\r\n", "Connection: a b\r\n", "A : b\r\n", ": b\r\n", "no colon\r\n",
          "A: b\n", "A: b\rc\r\n", "A: \x01\r\n", "\xc3\xa4: b\r\n"}) {
        CAPTURE(lines);
        CHECK(refused(ok(lines)));
    }
    for (const char* first :
         {"HTTP/1.1 200OK", "HTTP/1.1  200 OK", "HTTP/2 200 OK", "HTTP/1.2 200 OK",
          "http/1.1 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 X",
          "HTTP/1.1 600 X", "HTTP/1.1 200 O\x01", "ICY 200 OK", "", "HTTP/1.1"}) {
        CAPTURE(first);
        CHECK(refused(std::string{first} + "\r\nContent-Length: 0\r\n\r\n"));
    }
    CHECK(refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    std::string many;
    for (std::size_t i = 0; i <= most_lines; ++i) many += "A: b\r\n";
    CHECK(refused(ok(many)));
}

TEST_CASE("whatever answer's head is accepted means the same to an independent parser") {
    const std::string pieces[] = {"\r\n",
                                  "\n",
                                  "\r",
                                  " ",
                                  "\t",
                                  ":",
                                  ",",
                                  "0",
                                  "5",
                                  "\x01",
                                  "\x7f",
                                  "\xff",
                                  "Content-Length: 5\r\n",
                                  "Transfer-Encoding: chunked\r\n",
                                  "chunked",
                                  "Connection: close\r\n",
                                  "HTTP/1.1",
                                  "\r\n "};
    const std::string models[] = {
        "HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: "
        "5\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\nDate: Mon, 23 Nov 2026 "
        "10:00:00 GMT\r\n\r\n",
        "HTTP/1.0 302 Found\r\nLocation: /x\r\nConnection: keep-alive\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nSforce-Limit-Info: api-usage=1/15000\r\n\r\n"};
    std::mt19937_64 random{20261125};
    int both = 0;
    for (int round = 0; round < 50000; ++round) {
        std::string text = models[random() % std::size(models)];
        for (auto changes = random() % 3; changes > 0; --changes) {
            const auto at = random() % (text.size() + 1);
            switch (random() % 3) {
                case 0:
                    text.insert(at, pieces[random() % std::size(pieces)]);
                    break;
                case 1:
                    text.erase(at, 1 + random() % 3);
                    break;
                default:
                    if (at < text.size()) text[at] = static_cast<char>(random());
            }
        }
        const auto end = text.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        text.resize(end + 4);
        AnswerHead ours;
        if (scan_answer(text, most_lines, ours) != nullptr) continue;
        CAPTURE(text);
        http::response_parser<http::empty_body> parser;
        parser.skip(true);
        boost::system::error_code failed;
        parser.put(boost::asio::buffer(text), failed);
        if (failed && failed != http::error::need_more) continue;  // Beast is stricter in places
        ++both;
        REQUIRE(parser.is_header_done());
        CHECK(static_cast<int>(parser.get().result_int()) == ours.status);
        CHECK(parser.chunked() == ours.chunked);
        if (ours.length) CHECK(parser.content_length().value_or(0) == *ours.length);
        REQUIRE(std::distance(parser.get().begin(), parser.get().end()) ==
                static_cast<std::ptrdiff_t>(ours.lines.size()));
        // As sets: Beast puts lines of one name together.
        std::multiset<std::string> theirs;
        for (const auto& field : parser.get())
            theirs.insert(std::string{field.name_string()} + ": " + std::string{field.value()});
        std::multiset<std::string> read;
        for (const auto& line : ours.lines)
            read.insert(std::string{line.name} + ": " + std::string{line.value});
        CHECK(read == theirs);
    }
    CHECK(both > 5000);
}
