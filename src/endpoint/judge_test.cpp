#include <doctest/doctest.h>
#include <zlib.h>

#include <chrono>
#include <string>

#include "endpoint/raw_answer.h"

namespace {

using namespace latchkey;
using namespace std::chrono_literals;
using Kind = RefreshVerdict::Kind;

RawAnswer raw(int status, std::string_view body) {
    RawAnswer made;
    made.status = status;
    made.content_type = "application/json;charset=UTF-8";
    made.body = Secret{body};
    return made;
}

RawAnswer oauth_error(int status, const std::string& error, const std::string& description) {
    return raw(status,
               R"({"error":")" + error + R"(","error_description":")" + description + R"("})");
}

std::string gzipped(std::string_view text) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string packed(text.size() + 100, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

const std::string rotated =
    R"({"access_token":"at","refresh_token":"rt","token_type":"Bearer","scope":"api"})";
const std::string not_rotated = R"({"access_token":"at","token_type":"Bearer"})";

TEST_CASE("a whole 200 with a refresh token is issued") {
    const auto verdict = judge_refresh(raw(200, rotated));
    CHECK(verdict.kind == Kind::issued);
    CHECK(verdict.answer.access_token.reveal() == "at");
    REQUIRE(verdict.answer.refresh_token.has_value());
    CHECK(verdict.answer.refresh_token->reveal() == "rt");
}

TEST_CASE("B4: a whole 200 without a refresh token is issued too, and names none") {
    const auto verdict = judge_refresh(raw(200, not_rotated));
    CHECK(verdict.kind == Kind::issued);
    CHECK_FALSE(verdict.answer.refresh_token.has_value());
}

TEST_CASE("B5: a 200 that repeats the sent token hands it on, so that it can be compared") {
    const auto verdict = judge_refresh(raw(200, R"({"access_token":"at","refresh_token":"sent"})"));
    CHECK(verdict.kind == Kind::issued);
    CHECK(verdict.answer.refresh_token->same_as(Secret{"sent"}));
}

TEST_CASE(
    "B1: a 200 without access token proves nothing, unless it brings the next refresh token") {
    CHECK(judge_refresh(raw(200, R"({"token_type":"Bearer"})")).kind == Kind::unknown);
    CHECK(judge_refresh(raw(200, R"({"token_type":"Bearer"})")).error.code ==
          "upstream_invalid_response");
    const auto kept = judge_refresh(raw(200, R"({"refresh_token":"rt"})"));
    CHECK(kept.kind == Kind::salvaged);
    CHECK(kept.answer.refresh_token->reveal() == "rt");

    const auto exchange = judge_exchange(raw(200, R"({"token_type":"Bearer"})"));
    REQUIRE(exchange.has_error());
    CHECK(exchange.error().code == "upstream_invalid_response");
}

TEST_CASE("B2: a token type in any case, or none, keeps the tokens for the caller to judge") {
    const auto verdict =
        judge_refresh(raw(200, R"({"access_token":"at","refresh_token":"rt","token_type":"mac"})"));
    CHECK(verdict.kind == Kind::issued);
    CHECK(verdict.answer.token_type == "mac");
    CHECK(judge_refresh(raw(200, R"({"access_token":"at","token_type":"BEARER"})"))
              .answer.token_type == "BEARER");
}

TEST_CASE("B3: a nonsensical expires_in does not spoil an answer") {
    for (const auto* value : {"0", "-5", "1e308", "null", "NaN", R"("soon")"}) {
        const auto verdict = judge_refresh(
            raw(200, std::string{R"({"access_token":"at","expires_in":)"} + value + "}"));
        CHECK(verdict.kind == Kind::issued);
        CHECK_FALSE(verdict.answer.expires_in.has_value());
    }
    CHECK(
        judge_refresh(raw(200, R"({"access_token":"at","expires_in":"3600"})")).answer.expires_in ==
        3600);
}

TEST_CASE("B6: a refresh token that cannot be one leaves the outcome unknown") {
    for (const auto* value : {R"("")", "7", R"(["a"])"}) {
        const auto verdict = judge_refresh(
            raw(200, std::string{R"({"access_token":"at","refresh_token":)"} + value + "}"));
        CHECK(verdict.kind == Kind::unknown);
        CHECK(verdict.answer.access_token.empty());
    }
}

TEST_CASE("B7: a 200 with a page of HTML is unknown on a refresh and ends an exchange") {
    auto page = raw(200, "<html><form action=/login>");
    page.content_type = "text/html";
    CHECK(judge_refresh(page).kind == Kind::unknown);
    CHECK(judge_exchange(page).error().fault == Fault::outcome_unknown);
}

TEST_CASE("B8: a cut 200 is salvaged as soon as its refresh token is complete") {
    const auto complete = rotated.find("\"rt\"") + 4;
    for (std::size_t size = 0; size < rotated.size(); ++size) {
        auto cut = raw(200, rotated.substr(0, size));
        cut.whole = false;
        const auto verdict = judge_refresh(cut);
        CAPTURE(size);
        CHECK(verdict.kind == (size < complete ? Kind::unknown : Kind::salvaged));
        if (size >= complete) CHECK(verdict.answer.refresh_token->reveal() == "rt");
        CHECK(verdict.error.fault == Fault::outcome_unknown);
        CHECK(judge_exchange(cut).has_error());
    }
}

TEST_CASE("B9: a doubled member makes a 200 unusable") {
    const auto verdict =
        judge_refresh(raw(200, R"({"access_token":"a","refresh_token":"x","refresh_token":"y"})"));
    CHECK(verdict.kind == Kind::unknown);
    CHECK_FALSE(verdict.answer.refresh_token.has_value());
}

TEST_CASE("B10: a body of a hundred thousand arrays is unknown, not a crash") {
    CHECK(judge_refresh(raw(200, std::string(100000, '['))).kind == Kind::unknown);
    CHECK(judge_refresh(raw(400, std::string(100000, '['))).kind == Kind::unknown);
}

TEST_CASE("B11: an expired grant is dead, and the reason says so") {
    const auto verdict =
        judge_refresh(oauth_error(400, "invalid_grant", "expired access/refresh token"));
    CHECK(verdict.kind == Kind::dead);
    CHECK(verdict.error.fault == Fault::reauthorize);
    CHECK(verdict.error.code == "token_expired");
}

TEST_CASE("B12: a token that is being processed is busy in both texts, never dead") {
    for (const auto* text :
         {"token request is already being processed", "Token Request Is Already Being Processed",
          "expired authorization code"}) {
        CHECK(judge_refresh(oauth_error(400, "invalid_grant", text)).kind == Kind::busy);
    }
}

TEST_CASE("B12: an error that was cut is unknown: it might have gone on to say busy") {
    auto cut = raw(400, R"({"error":"invalid_grant","error_description":"token requ)");
    CHECK(judge_refresh(cut).kind == Kind::unknown);
    auto form = raw(400, "error=invalid_grant&error_description=token+requ");
    form.whole = false;
    CHECK(judge_refresh(form).kind == Kind::unknown);
    form.whole = true;
    CHECK(judge_refresh(form).kind == Kind::dead);
}

TEST_CASE("B13: what is wrong with our client consumes nothing and kills nothing") {
    for (const int status : {400, 401}) {
        for (const auto* error : {"invalid_client", "invalid_client_id", "unauthorized_client",
                                  "unsupported_grant_type"}) {
            const auto verdict = judge_refresh(oauth_error(status, error, "x"));
            CHECK(verdict.kind == Kind::not_consumed);
            CHECK(verdict.error.fault == Fault::misconfigured);
            CHECK(verdict.error.code == error);
        }
    }
    for (const auto* text : {"ip restricted", "invalid login hours", "inactive organization"}) {
        CHECK(judge_refresh(oauth_error(400, "invalid_grant", text)).kind == Kind::not_consumed);
    }
}

TEST_CASE("B14: limits consume nothing and carry their pause") {
    auto busy = raw(429, "slow down");
    busy.retry_after = 17s;
    const auto verdict = judge_refresh(busy);
    CHECK(verdict.kind == Kind::not_consumed);
    CHECK(verdict.error.fault == Fault::try_later);
    CHECK(verdict.error.retry_after == 17s);

    auto rate = oauth_error(400, "invalid_grant", "login rate exceeded");
    rate.retry_after = 60s;
    CHECK(judge_refresh(rate).kind == Kind::not_consumed);
    CHECK(judge_refresh(rate).error.retry_after == 60s);
}

TEST_CASE("B15: no 5xx proves anything, whatever it says") {
    for (const int status : {500, 502, 503, 504, 599}) {
        const auto verdict =
            judge_refresh(oauth_error(status, "invalid_grant", "expired access/refresh token"));
        CHECK(verdict.kind == Kind::unknown);
        CHECK(verdict.error.fault == Fault::outcome_unknown);
    }
}

TEST_CASE("B16: no redirect proves anything") {
    for (const int status : {301, 302, 303, 307, 308}) {
        CHECK(judge_refresh(raw(status, rotated)).kind == Kind::unknown);
        CHECK(judge_exchange(raw(status, rotated)).error().code == "upstream_invalid_response");
    }
}

TEST_CASE("B17: statuses that are no answer to a token request are unknown") {
    for (const int status : {0, 101, 201, 204, 206, 404, 405, 408, 420}) {
        CHECK(judge_refresh(raw(status, rotated)).kind == Kind::unknown);
    }
}

TEST_CASE("use_dpop_nonce spends nothing and is the operator's to repair") {
    const auto verdict = judge_refresh(oauth_error(400, "use_dpop_nonce", ""));
    CHECK(verdict.kind == Kind::not_consumed);
    CHECK(verdict.error.fault == Fault::misconfigured);
}

TEST_CASE("B23: one gzip coding is taken off, on answers and on errors") {
    auto packed = raw(200, gzipped(rotated));
    packed.content_encoding = "gzip";
    CHECK(judge_refresh(packed).kind == Kind::issued);
    packed.content_encoding = "X-GZIP";
    CHECK(judge_refresh(packed).kind == Kind::issued);

    auto error = raw(400, gzipped(R"({"error":"invalid_client"})"));
    error.content_encoding = "gzip";
    CHECK(judge_refresh(error).kind == Kind::not_consumed);
}

TEST_CASE("B23: a bomb, two codings, unknown ones and damage are left as they came") {
    auto bomb = raw(200, gzipped(std::string(8 * 1024 * 1024, ' ')));
    bomb.content_encoding = "gzip";
    CHECK(judge_refresh(bomb).kind == Kind::unknown);

    auto twice = raw(200, gzipped(gzipped(rotated)));
    for (const auto* coding : {"gzip, gzip", "gzip", "br", "deflate", "zstd", "gzip;q=1"}) {
        twice.content_encoding = coding;
        CHECK(judge_refresh(twice).kind == Kind::unknown);
    }
    auto damaged = raw(200, gzipped(rotated).substr(0, 40));
    damaged.content_encoding = "gzip";
    CHECK(judge_refresh(damaged).kind == Kind::unknown);
    auto plain = raw(200, rotated);
    plain.content_encoding = "br";
    CHECK(judge_refresh(plain).kind == Kind::unknown);
}

TEST_CASE("an exchange hands the whole answer on") {
    const auto answer = judge_exchange(raw(200, rotated));
    REQUIRE(answer.has_value());
    CHECK(answer->access_token.reveal() == "at");
    CHECK(answer->refresh_token->reveal() == "rt");
}

TEST_CASE("a code that is spent or expired means to start again") {
    for (const auto* text :
         {"expired authorization code", "invalid authorization code", "invalid code verifier"}) {
        const auto answer = judge_exchange(oauth_error(400, "invalid_grant", text));
        REQUIRE(answer.has_error());
        CHECK(answer.error().fault == Fault::reauthorize);
        CHECK(answer.error().remote_text == std::string{"invalid_grant: "} + text);
    }
    CHECK(judge_exchange(oauth_error(401, "invalid_client", "")).error().fault ==
          Fault::misconfigured);
    CHECK(judge_exchange(oauth_error(400, "redirect_uri_mismatch", "")).error().code ==
          "redirect_uri_mismatch");
    auto busy = raw(429, "");
    busy.retry_after = 5s;
    CHECK(judge_exchange(busy).error().retry_after == 5s);
}

TEST_CASE("an answer survives the journal byte for byte") {
    auto kept = raw(200, std::string{"\0\xff body", 7});
    kept.content_encoding = "gzip";
    kept.retry_after = 3600s;
    kept.whole = false;
    const auto packed = kept.pack();
    const auto back = RawAnswer::unpack(packed.reveal());
    REQUIRE(back.has_value());
    CHECK(back->status == 200);
    CHECK(back->content_type == kept.content_type);
    CHECK(back->content_encoding == "gzip");
    CHECK(back->retry_after == 3600s);
    CHECK_FALSE(back->whole);
    CHECK(back->body.same_as(kept.body));

    const auto empty = RawAnswer::unpack(RawAnswer{}.pack().reveal());
    REQUIRE(empty.has_value());
    CHECK(empty->whole);
    CHECK_FALSE(empty->retry_after.has_value());
}

TEST_CASE("a journal record that is cut, longer or of another version is damaged") {
    auto kept = raw(200, rotated);
    const std::string packed{kept.pack().reveal()};
    for (std::size_t size = 0; size < packed.size(); ++size) {
        const auto back = RawAnswer::unpack(packed.substr(0, size));
        REQUIRE(back.has_error());
        CHECK(back.error().code == "damaged_record");
    }
    CHECK(RawAnswer::unpack(packed + "x").has_error());
    auto newer = packed;
    newer[3] = '\x02';
    CHECK(RawAnswer::unpack(newer).has_error());
    auto flags = packed;
    flags[8] = '\x7f';
    CHECK(RawAnswer::unpack(flags).has_error());
}

}  // namespace
