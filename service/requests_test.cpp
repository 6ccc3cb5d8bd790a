#include "service/requests.h"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "service/replies.h"

namespace latchkey::service {
namespace {

ServedRequest with_headers(Headers headers, std::string body = {}) {
    ServedRequest request;
    request.headers = std::move(headers);
    request.body = std::move(body);
    return request;
}

}  // namespace

TEST_CASE("a path is cut at its slashes and decoded once") {
    CHECK(segments("/v1/connections/cn_1") ==
          std::vector<std::string>{"v1", "connections", "cn_1"});
    CHECK(segments("/connect/a%2Bb") == std::vector<std::string>{"connect", "a+b"});
}

TEST_CASE("F8: a path that is not canonical is no route at all") {
    for (const auto* path : {"", "v1", "//v1", "/v1/", "/v1//apikeys", "/v1/./apikeys",
                             "/v1/%2e%2e/apikeys", "/v1/a%2Fb", "/v1/a%5Cb", "/v1/%00", "/v1/%zz"})
        CHECK_MESSAGE(segments(path).empty(), path);
}

TEST_CASE("all values of a cookie are given, so that nobody is served by luck") {
    const auto request = with_headers(
        {{"Cookie", "lk-a=1; other=x; lk-a=2"}, {"Cookie", "lk-a=3"}, {"X", "lk-a=4"}});
    CHECK(cookies(request, "lk-a") == std::vector<std::string>{"1", "2", "3"});
    CHECK(cookies(request, "lk-b").empty());
}

TEST_CASE("a key is taken from one Authorization line with the scheme Bearer") {
    CHECK(bearer(with_headers({{"Authorization", "bearer lk_a_b"}}))
              .value()
              .same_as(Secret{"lk_a_b"}));
    for (const auto& headers :
         {Headers{}, Headers{{"Authorization", "Basic eDp5"}},
          Headers{{"Authorization", "Bearer a"}, {"Authorization", "Bearer b"}}}) {
        const auto key = bearer(with_headers(headers));
        REQUIRE_FALSE(key.has_value());
        CHECK(status_of(key.error()) == 401);
    }
}

TEST_CASE("a body is one JSON object with known members of the right type") {
    const auto good = read_object(with_headers({}, R"({"end_user":"u"})"), {"end_user"});
    REQUIRE(good.has_value());
    CHECK(required_text(*good, "end_user").value() == "u");
    CHECK(required_text(*good, "ticket").error().code == "invalid_field");
    for (const auto* body : {"[]", "{", "null", "{\"end_user\":1}{", "\xff"})
        CHECK_MESSAGE(
            read_object(with_headers({}, body), {"end_user"}).error().code == "invalid_json", body);
    const auto unknown = read_object(with_headers({}, R"({"enduser":"u"})"), {"end_user"});
    CHECK(unknown.error().code == "unknown_field");
    CHECK(unknown.error().message.find("end_user") != std::string::npos);
    const auto number = read_object(with_headers({}, R"({"end_user":7})"), {"end_user"});
    CHECK(required_text(*number, "end_user").error().code == "invalid_field");
    std::string deep(100, '[');
    CHECK(read_object(with_headers({}, deep), {}).error().code == "invalid_json");
}

TEST_CASE("each fault has the status that tells a client what to do") {
    CHECK(status_of({Fault::reauthorize, "reauth_required", ""}) == 409);
    CHECK(status_of({Fault::conflict, "link_used", ""}) == 410);
    CHECK(status_of({Fault::try_later, "upstream_unavailable", ""}) == 503);
    CHECK(status_of({Fault::try_later, "rate_limited", ""}) == 429);
    CHECK(status_of({Fault::denied, "user_mismatch", ""}) == 403);
    CHECK(status_of({Fault::misconfigured, "invalid_client", ""}) == 502);
}

TEST_CASE("H18: an error shows our words only, not what the other side wrote") {
    Error error{Fault::misconfigured, "invalid_client", "Check the client secret.", "remote words"};
    error.retry_after = std::chrono::seconds{7};
    const auto reply = error_reply(error, "req_1");
    CHECK(reply.body.find("remote words") == std::string::npos);
    CHECK(*reply.headers.find("Retry-After") == "7");
    CHECK(*reply.headers.find("Cache-Control") == "no-store");
    CHECK(*reply.headers.find("X-Content-Type-Options") == "nosniff");
}

}  // namespace latchkey::service
