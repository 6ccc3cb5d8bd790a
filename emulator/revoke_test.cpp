#include <doctest/doctest.h>

#include "emulator/bench.h"

namespace latchkey::emulator::test {

using namespace std::chrono_literals;

Reply revoke(Bench& bench, const std::string& token, std::string accept = {}) {
    auto request = Bench::form("/services/oauth2/revoke", {{"token", token}});
    if (!accept.empty()) request.headers.add("Accept", std::move(accept));
    return bench.send(std::move(request));
}

TEST_CASE("revoking a refresh token ends it and its sessions, without a client's proof") {
    Bench bench;
    const auto mine = bench.connect();
    const auto other = bench.connect();
    const auto reply = revoke(bench, mine.refresh);
    CHECK(reply.status == 200);
    CHECK(reply.body.empty());
    CHECK_FALSE(bench.active(mine.refresh));
    CHECK(bench.data_status(mine.access) == 401);
    CHECK(bench.active(other.refresh));
    CHECK(bench.data_status(other.access) == 200);
    CHECK(Bench::error(bench.refresh(mine.refresh)) ==
          "invalid_grant: expired access/refresh token");
    CHECK(bench.total("revocations") == 1);
    CHECK(bench.total("reuses") == 0);  // it was revoked, never spent
}

TEST_CASE("revoking an access token ends that session only") {
    Bench bench;
    const auto mine = bench.connect();
    CHECK(revoke(bench, mine.access).status == 200);
    CHECK(bench.data_status(mine.access) == 401);
    CHECK(bench.refresh(mine.refresh).status == 200);
    CHECK(bench.total("revocations") == 0);
}

TEST_CASE("an unknown token cannot be revoked, in JSON or form encoding") {
    Bench bench;
    const auto as_form = revoke(bench, "nothing");
    CHECK(as_form.status == 400);
    CHECK(as_form.body == "error=invalid_token&error_description=invalid%20token");
    const auto as_json = revoke(bench, "nothing", "application/json");
    CHECK(as_json.status == 400);
    CHECK(Bench::error(as_json) == "invalid_token: invalid token");
    bench.client(R"({"client_id":"latchkey-demo","revoke_error_encoding":"json"})");
    CHECK(Bench::error(revoke(bench, "nothing")) == "invalid_token: invalid token");
    CHECK(bench.post("/services/oauth2/revoke", {{"token", "x"}, {"token_type_hint", "id_token"}})
              .status == 400);
}

TEST_CASE("a link or a script may revoke as well, and a callback cannot become another script") {
    Bench bench;
    const auto mine = bench.connect();
    const std::string path = "/services/oauth2/revoke?token=";
    CHECK(bench.get(path + percent_encode(mine.access) + "&callback=done").body == "done({});");
    CHECK(bench.get(path + "x&callback=a.b").body == "a.b({\"error\":\"invalid_token\"});");
    CHECK(bench.get(path + "x&callback=alert(1)//").status == 400);
    CHECK(bench.get(path + percent_encode(mine.refresh)).status == 200);
    CHECK_FALSE(bench.active(mine.refresh));
}

TEST_CASE("introspection tells whether a token lives, without using it") {
    Bench bench;
    const auto mine = bench.connect();
    const auto ask = [&](const std::string& token, std::string id, std::string secret) {
        return bench.post(
            "/services/oauth2/introspect",
            {{"token", token}, {"client_id", std::move(id)}, {"client_secret", std::move(secret)}});
    };
    const auto of = [&](const std::string& token) {
        return Bench::json(ask(token, "latchkey-demo", "latchkey-demo-secret"));
    };
    const auto access = of(mine.access);
    CHECK(access.at("active").as_bool());
    CHECK(Bench::text(access, "token_type") == "access_token");
    CHECK(Bench::text(access, "scope") == "api refresh_token id");
    CHECK(Bench::text(access, "client_id") == "latchkey-demo");
    CHECK(Bench::text(access, "username") == "ada@acme.example");
    CHECK(Bench::text(access, "sub").ends_with("/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS"));
    CHECK(access.at("iat") == 1763900000);
    CHECK(access.at("exp") == 1763907200);
    const auto refresh = of(mine.refresh);
    CHECK(Bench::text(refresh, "token_type") == "refresh_token");
    CHECK_FALSE(refresh.as_object().contains("exp"));

    const auto next = Bench::tokens(bench.refresh(mine.refresh));
    CHECK(ask(mine.refresh, "latchkey-demo", "latchkey-demo-secret").body == R"({"active":false})");
    CHECK(bench.active(next.refresh));
    CHECK(bench.total("reuses") == 0);

    bench.client(R"({"client_id":"other","secret":"s"})");
    CHECK(ask(next.refresh, "other", "s").body == R"({"active":false})");
    CHECK(ask(next.access, "other", "s").body == R"({"active":false})");
    CHECK(Bench::error(ask(next.access, "other", "wrong")) ==
          "invalid_client: invalid client credentials");
    CHECK(Bench::error(ask(next.access, "other", "")) ==
          "invalid_client: invalid client credentials");

    bench.pass(7199s);
    CHECK(bench.active(next.access));  // and looking has not put its end off
    bench.pass(1s);
    CHECK_FALSE(bench.active(next.access));
}

TEST_CASE("a session slides with use and ends after its timeout") {
    Bench bench;
    bench.client(R"({"client_id":"latchkey-demo","session_timeout":1000})");
    const auto mine = bench.connect();
    for (int i = 0; i < 3; ++i) {
        bench.pass(999s);
        CHECK(bench.data_status(mine.access) == 200);
    }
    bench.pass(1000s);
    CHECK(bench.data_status(mine.access) == 401);

    bench.client(R"({"client_id":"latchkey-demo","sliding":false})");
    const auto fixed = bench.connect();
    bench.pass(999s);
    CHECK(bench.data_status(fixed.access) == 200);
    bench.pass(1s);
    CHECK(bench.data_status(fixed.access) == 401);

    // Activity in the first half of the window is not written down.
    bench.client(R"({"client_id":"latchkey-demo","sliding":true,"half_window_update":true})");
    const auto half = bench.connect();
    bench.pass(500s);
    CHECK(bench.data_status(half.access) == 200);
    bench.pass(500s);
    CHECK(bench.data_status(half.access) == 401);
    const auto later = bench.connect();
    bench.pass(501s);
    CHECK(bench.data_status(later.access) == 200);
    bench.pass(999s);
    CHECK(bench.data_status(later.access) == 200);
}

}  // namespace latchkey::emulator::test
