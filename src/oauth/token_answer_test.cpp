#include "oauth/token_answer.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include <boost/json/parse.hpp>

namespace {

using namespace latchkey::oauth;

const std::string rotated =
    R"({"access_token":"00Dxx0000001gPL!AQ.new","refresh_token":"5Aep861.next","signature":"c2ln",)"
    R"("scope":"refresh_token api id","instance_url":"https://acme.my.salesforce.com",)"
    R"("id":"https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS",)"
    R"("token_type":"Bearer","issued_at":"1763900000000"})";

/// A 200 whose members are these besides an access token.
ReadAnswer read_with(const std::string& members) {
    return read_token_answer(R"({"access_token":"at",)" + members + "}", true);
}

TEST_CASE("a whole answer says everything in its own words") {
    const auto read = read_token_answer(rotated, true);
    REQUIRE(read.shape == AnswerShape::whole);
    const auto& answer = read.answer;
    CHECK(answer.access_token.reveal() == "00Dxx0000001gPL!AQ.new");
    REQUIRE(answer.refresh_token.has_value());
    CHECK(answer.refresh_token->reveal() == "5Aep861.next");
    CHECK(answer.token_type == "Bearer");
    CHECK(answer.instance_url == "https://acme.my.salesforce.com");
    CHECK(answer.id.ends_with("/005xx000001SwiUAAS"));
    CHECK(answer.issued_at == "1763900000000");
    CHECK(answer.signature == "c2ln");
    CHECK(answer.scopes == std::vector<std::string>{"refresh_token", "api", "id"});
    CHECK(answer.scopes_said);
    CHECK_FALSE(answer.expires_in.has_value());
    CHECK(read.what_is_wrong.empty());
}

TEST_CASE("B1: an answer without access token is read as such") {
    const auto read = read_token_answer(R"({"token_type":"Bearer"})", true);
    CHECK(read.shape == AnswerShape::whole);
    CHECK(read.answer.access_token.empty());
    CHECK_FALSE(read.answer.scopes_said);
}

TEST_CASE("B2: the token type is kept as sent, and is empty if absent") {
    CHECK(read_with(R"("token_type":"BEARER")").answer.token_type == "BEARER");
    CHECK(read_with(R"("token_type":7)").answer.token_type.empty());
    CHECK(read_with(R"("x":1)").answer.token_type.empty());
}

TEST_CASE("B3: a sensible expires_in is taken in every notation, nonsense counts as absent") {
    const auto life = [](const std::string& value) {
        const auto read = read_with(R"("expires_in":)" + value);
        REQUIRE(read.shape == AnswerShape::whole);
        return read.answer.expires_in;
    };
    CHECK(life("3600") == 3600);
    CHECK(life(R"("3600")") == 3600);
    CHECK(life("3.6e3") == 3600);
    CHECK(life("1") == 1);
    CHECK(life("315360000") == 315360000);
    for (const auto* nonsense : {"0",
                                 "-1",
                                 "-0",
                                 "0.5",
                                 "315360001",
                                 "1e308",
                                 "-1e308",
                                 "1e300",
                                 "9223372036854775808",
                                 "99999999999999999999999999",
                                 "null",
                                 "NaN",
                                 "Infinity",
                                 "-Infinity",
                                 "true",
                                 "[]",
                                 "{}",
                                 R"("")",
                                 R"("NaN")",
                                 R"("inf")",
                                 R"("3600 ")",
                                 R"("0x10")",
                                 R"("3600s")"}) {
        CAPTURE(nonsense);
        CHECK_FALSE(life(nonsense).has_value());
    }
}

TEST_CASE("B4: an answer without refresh token is whole and has none") {
    const auto read = read_with(R"("scope":"api")");
    CHECK(read.shape == AnswerShape::whole);
    CHECK_FALSE(read.answer.refresh_token.has_value());
}

TEST_CASE("B6: a refresh token that cannot be one makes the answer unreadable") {
    for (const auto& value :
         {std::string{R"("")"}, std::string{"7"}, std::string{R"(["5Aep"])"}, std::string{"null"},
          std::string{"{}"}, std::string{R"("a\nb")"}, std::string{R"("\u00e9")"},
          '"' + std::string(1000 * 1024, 'x') + '"', '"' + std::string(16 * 1024 + 1, 'x') + '"'}) {
        const auto read = read_with(R"("refresh_token":)" + value);
        CHECK(read.shape == AnswerShape::unreadable);
        CHECK_FALSE(read.answer.refresh_token.has_value());
        CHECK(read.answer.access_token.empty());
    }
    const auto longest = '"' + std::string(16 * 1024, 'x') + '"';
    CHECK(read_with(R"("refresh_token":)" + longest).shape == AnswerShape::whole);
}

TEST_CASE("B7: a page of HTML is unreadable") {
    const auto read = read_token_answer("<html><body>refresh_token</body></html>", true);
    CHECK(read.shape == AnswerShape::unreadable);
    CHECK_FALSE(read.what_is_wrong.empty());
}

TEST_CASE("B8: cut anywhere, an answer yields its own refresh token or none") {
    const auto last_of_token = rotated.find("5Aep861.next") + std::string{"5Aep861.next"}.size();
    for (std::size_t cut = 0; cut <= rotated.size(); ++cut) {
        CAPTURE(cut);
        const auto read = read_token_answer(rotated.substr(0, cut), false);
        if (cut <= last_of_token) {
            CHECK(read.shape == AnswerShape::unreadable);
            continue;
        }
        CHECK(read.shape == AnswerShape::salvaged);
        REQUIRE(read.answer.refresh_token.has_value());
        CHECK(read.answer.refresh_token->reveal() == "5Aep861.next");
        CHECK(read.answer.access_token.reveal() == "00Dxx0000001gPL!AQ.new");
        const auto& url = read.answer.instance_url;
        CHECK((url.empty() || url == "https://acme.my.salesforce.com"));
    }
}

TEST_CASE("B8: what is salvaged has no member that came only in part") {
    const auto read = read_token_answer(
        R"({"refresh_token":"rt","instance_url":"https://acme.my.salesforce.c)", false);
    CHECK(read.shape == AnswerShape::salvaged);
    CHECK(read.answer.instance_url.empty());
    CHECK(read.answer.access_token.empty());
}

TEST_CASE("B8: only a refresh token at the top level counts") {
    for (const auto* body : {R"({"a":{"refresh_token":"rt"},"b":)", R"(["refresh_token","rt"])",
                             R"([{"refresh_token":"rt"},)", R"({"a":"\"refresh_token\":\"rt\"",)",
                             R"("refresh_token":"rt")", R"({"a":[{"refresh_token":"rt"})"}) {
        CAPTURE(body);
        CHECK(read_token_answer(body, false).shape == AnswerShape::unreadable);
    }
}

TEST_CASE("B8: a token whose end is doubtful, or that may be followed by another, is left alone") {
    for (const auto* body :
         {R"({"refresh_token":"r"t","x":1})", R"({"refresh_token":"rt" "x":1})",
          R"({"refresh_token":"rt","x":tru e,"refresh_token":"other"})",
          R"({"refresh_token":"rt"}{"refresh_token":"other"})",
          R"({"refresh_token":"rt","a":[}],"refresh_token":"x"})", R"({"refresh_token":"rt\)"}) {
        CAPTURE(body);
        CHECK(read_token_answer(body, true).shape == AnswerShape::unreadable);
    }
}

TEST_CASE("B8: an answer that is broken elsewhere still gives its refresh token") {
    for (const auto* body :
         {"{\"x\":\"\xff\xfe\",\"refresh_token\":\"rt\"}",
          "{\"x\":\"a\nb\",\"refresh_token\":\"rt\"}", R"({"x":01,"refresh_token":"rt"})",
          R"({"x":{"a" 1},"refresh_token":"rt"})", R"({"refresh_token":"rt"} and more)",
          R"({"refresh_token":"rt",})"}) {
        CAPTURE(body);
        const auto read = read_token_answer(body, true);
        CHECK(read.shape == AnswerShape::salvaged);
        REQUIRE(read.answer.refresh_token.has_value());
        CHECK(read.answer.refresh_token->reveal() == "rt");
    }
}

TEST_CASE("B9: a member that stands twice with different values makes the answer unreadable") {
    for (const auto* twice : {R"("refresh_token":"a","refresh_token":"b")", R"("id":"a","id":"b")",
                              R"("refresh_token":"a","refresh\u005ftoken":"b")", R"("x":1,"x":"1")",
                              R"("x":[1],"x":[2])", R"("access_token":"other")"}) {
        CAPTURE(twice);
        CHECK(read_with(twice).shape == AnswerShape::unreadable);
    }
    CHECK(read_with(R"("refresh_token":"a","refresh_token":"\u0061")").shape == AnswerShape::whole);
    CHECK(read_token_answer(R"({"refresh_token":"a","refresh_token":"b","x)", false).shape ==
          AnswerShape::unreadable);
}

TEST_CASE("B10: hostile bodies are refused in bounded memory and time") {
    const std::string deep(100000, '[');
    CHECK(read_token_answer(deep, true).shape == AnswerShape::unreadable);
    CHECK(read_with("\"x\":" + deep).shape == AnswerShape::unreadable);
    CHECK(read_with("\"x\":" + deep + std::string(100000, ']')).shape == AnswerShape::unreadable);
    CHECK(read_token_answer(std::string(1024 * 1024 + 1, ' '), true).shape ==
          AnswerShape::unreadable);
    std::string many;
    for (int i = 0; i < 90000; ++i) many += "\"m" + std::to_string(i) + "\":1,";
    CHECK(read_with(many + "\"z\":1").shape == AnswerShape::unreadable);
    const std::string nul{"{\"access_token\":\"a\",\0\"x\":1}", 27};
    CHECK(read_token_answer(nul, true).shape == AnswerShape::unreadable);
    CHECK(read_token_answer("", true).shape == AnswerShape::unreadable);
    CHECK(read_with("\"x\":\"\xc0\xaf\"").shape == AnswerShape::unreadable);
    // A byte order mark harms nothing, and an answer must not be lost for it.
    CHECK(read_token_answer("\xef\xbb\xbf" + rotated, true).shape == AnswerShape::whole);
}

TEST_CASE("32 levels are read, 33 are not") {
    const auto nested = [](int levels) {
        return "\"x\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']');
    };
    CHECK(read_with(nested(32)).shape == AnswerShape::whole);
    CHECK(read_with(nested(33)).shape == AnswerShape::unreadable);
}

TEST_CASE("issued_at is kept digit by digit, from a string and from a number") {
    CHECK(read_with(R"("issued_at":1763900000000)").answer.issued_at == "1763900000000");
    CHECK(read_with(R"("issued_at":1.7e12)").answer.issued_at.empty());
    CHECK(read_with(R"("issued_at":null)").answer.issued_at.empty());
}

TEST_CASE("an access token that would break out of its header is none") {
    const auto read = read_token_answer(R"({"access_token":"a\r\nHost: evil"})", true);
    CHECK(read.shape == AnswerShape::whole);
    CHECK(read.answer.access_token.empty());
}

TEST_CASE("whatever is cut from whatever body, salvage never contradicts a full parse") {
    std::mt19937 dice{20261123};  // NOLINT: the same bodies on every run
    const auto throw_die = [&](std::size_t sides) { return dice() % sides; };
    const std::string alphabet = "{}[]\",:\\u0ntfe1 \xc3\x28";
    int full_parses = 0;
    for (int round = 0; round < 3000; ++round) {
        auto body = rotated;
        for (auto changes = throw_die(4); changes > 0; --changes) {
            const auto at = throw_die(body.size());
            switch (throw_die(3)) {
                case 0:
                    body[at] = alphabet[throw_die(alphabet.size())];
                    break;
                case 1:
                    body.erase(at, 1 + throw_die(8));
                    break;
                default:
                    body.insert(at, 1, alphabet[throw_die(alphabet.size())]);
            }
        }
        boost::json::error_code failed;
        const auto tree = boost::json::parse(body, failed);
        const auto* object = failed ? nullptr : tree.if_object();
        const auto* member = object != nullptr ? object->if_contains("refresh_token") : nullptr;
        const bool expected = member != nullptr && member->is_string();
        full_parses += expected ? 1 : 0;

        const auto cut = body.substr(0, throw_die(body.size() + 1));
        for (const bool whole : {true, false}) {
            const auto read = read_token_answer(cut, whole);
            if (read.shape == AnswerShape::unreadable || !read.answer.refresh_token) continue;
            const auto got = read.answer.refresh_token->reveal();
            // With a full parse the value is its value; without one it must at least stand there.
            CAPTURE(body);
            CAPTURE(cut);
            if (object != nullptr) {
                REQUIRE(expected);
                CHECK(got == std::string_view{member->get_string()});
            }
        }
    }
    CHECK(full_parses > 300);
}

TEST_CASE("an OAuth error is read from every shape that Salesforce sends it in") {
    const auto check = [](const std::string& body, const std::string& error,
                          const std::string& description) {
        CAPTURE(body);
        const auto read = read_oauth_error(body);
        CHECK(read.error == error);
        CHECK(read.description == description);
    };
    check(R"({"error":"invalid_grant","error_description":"expired access/refresh token"})",
          "invalid_grant", "expired access/refresh token");
    check(R"( [{"error":"invalid_token"}] )", "invalid_token", "");
    check(R"([{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}])",
          "INVALID_SESSION_ID", "Session expired or invalid");
    check("error=invalid_client_id&error_description=client%20identifier%20invalid",
          "invalid_client_id", "client identifier invalid");
    check("Bad_OAuth_Token\n", "Bad_OAuth_Token", "");
    check(R"({"error":"x\u001b[31m)" + std::string(200, 'y') + R"("})",
          "x?[31m" + std::string(58, 'y'), "");
}

TEST_CASE("what is cut, doubled or no error at all reads as no error") {
    for (const auto* body : {R"({"error":"invalid_grant","error_descr)",
                             R"({"error":"a","error":"b"})", R"([{"error":"a"})",
                             R"([{"error":"a"}] x)", R"({"error":"a"} x)", "<a href=x>error=1</a>",
                             "error=a&error=b", "two words", "", "  ", R"("invalid_grant")"}) {
        CAPTURE(body);
        CHECK(read_oauth_error(body).error.empty());
    }
    CHECK(read_oauth_error(std::string(70000, 'a')).error.empty());
}

}  // namespace
