#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "gateway/header_rules.h"
#include "net/answer_head.h"

namespace {

using namespace latchkey;

/// A caller's or an answer's lines, scanned as the relay scans them.
struct Scanned {
    explicit Scanned(const std::string& lines) : text(lines + "\r\n") {
        REQUIRE(read_lines(text, 100, read) == LinesRead::all);
    }
    std::string text;
    std::vector<HeadLine> read;
};

Origin instance() {
    return Origin::parse("https://acme.my.salesforce.com").value();
}

std::string up(const std::string& lines) {
    const Scanned scanned{lines};
    std::string out;
    append_lines_up(scanned.read, out);
    return out;
}

std::string down(const std::string& lines) {
    const Scanned scanned{lines};
    std::string out;
    append_lines_down(scanned.read, instance(), out);
    return out;
}

TEST_CASE("lines that stay are passed on byte for byte, in order, with their spelling and blanks") {
    CHECK(up("ACCEPT:a/b\r\nX-One:   two \r\nHost: h\r\nSforce-Call-Options: client=x\r\n") ==
          "ACCEPT:a/b\r\nX-One:   two \r\nSforce-Call-Options: client=x\r\n");
    CHECK(up("Host: h\r\n").empty());
    CHECK(down("Sforce-Limit-Info: a\r\nSet-Cookie: b\r\nETag: c\r\n") ==
          "Sforce-Limit-Info: a\r\nETag: c\r\n");
}

TEST_CASE(
    "H5, H6: a caller's credentials, cookies and hop-by-hop lines are left out of the bytes") {
    CHECK(
        up("Authorization: x\r\nCookie: x\r\nX-SFDC-Session: x\r\nDPoP: x\r\nProxy-Anything: x\r\n"
           "Forwarded: x\r\nX-Forwarded-For: x\r\nauthorization_: x\r\nX_SFDC_SESSION: x\r\n"
           "TE: x\r\nUpgrade: x\r\nHTTP2-Settings: x\r\nExpect: 100-continue\r\nKeep-Alive: 5\r\n"
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nLatchkey-Answer: x\r\n")
            .empty());
    CHECK(up("Connection: close, X-Mine\r\nx-mine: 1\r\nX-Yours: 2\r\n") == "X-Yours: 2\r\n");
    CHECK(up("Connection: X-Mine\r\nX-Yours: 2\r\nX-MINE: 1\r\n") == "X-Yours: 2\r\n");
}

TEST_CASE("H15: what says how a body is packed stays with it, both ways") {
    const std::string lines =
        "Accept-Encoding: gzip, br;q=0.5\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n";
    CHECK(up(lines) == lines);
    CHECK(down(lines) == lines);
}

TEST_CASE("H7, H8: cookies, policies and foreign redirects do not come down in the bytes") {
    CHECK(
        down("Set-Cookie: x\r\nClear-Site-Data: x\r\nAlt-Svc: x\r\nStrict-Transport-Security: x\r\n"
             "Location: https://evil.example/\r\nLocation: //evil.example/\r\nRefresh: 0\r\n"
             "Content-Security-Policy: none\r\nx-content-type-options: x\r\nLatchkey-Answer: x\r\n")
            .empty());
    CHECK(down("Location: /services/x\r\n") == "Location: /services/x\r\n");
    std::string marks;
    append_relay_marks(marks);
    CHECK(marks.find("Latchkey-Answer: salesforce\r\n") != std::string::npos);
    CHECK(marks.find("Content-Security-Policy: sandbox\r\n") != std::string::npos);
}

TEST_CASE("the held form and the relayed form of a call let the same lines pass") {
    const std::string names[] = {"Accept",
                                 "Authorization",
                                 "Cookie",
                                 "X-Forwarded-For",
                                 "X_Y",
                                 "Via",
                                 "Sforce-Call-Options",
                                 "TE",
                                 "Host",
                                 "If-Match",
                                 "Location",
                                 "ETag",
                                 "Set-Cookie",
                                 "Alt-Svc",
                                 "Retry-After",
                                 "Proxy-X",
                                 "Latchkey-X",
                                 "X-A-Name-That-Is-Longer-Than-Every-Listed-One",
                                 "Connection"};
    for (std::size_t i = 0; i < std::size(names); ++i) {
        std::string lines;
        Headers headers;
        for (std::size_t j = 0; j <= i; ++j) {
            const std::string value = names[j] == "Connection" ? "ETag" : "/v" + std::to_string(j);
            lines += names[j] + ": " + value + "\r\n";
            headers.add(names[j], value);
        }
        const auto print = [](const Headers& all) {
            std::string out;
            for (const auto& line : all) out += line.name + ": " + line.value + "\r\n";
            return out;
        };
        auto held = headers_up(headers, Secret{"t"}).value();
        held.remove("Authorization");
        CHECK(up(lines) == print(held));
        CHECK(down(lines) == print(headers_down(headers, instance())));
    }
}

}  // namespace
