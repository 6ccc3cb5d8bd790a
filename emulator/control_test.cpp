#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "emulator/bench.h"

namespace latchkey::emulator::test {

using namespace std::chrono_literals;

constexpr auto token_path = "/services/oauth2/token";

/// Sends a request without waiting for its answer, which lands in `answer`.
void begin(Bench& bench, ServedRequest request, std::optional<Reply>& answer) {
    boost::asio::co_spawn(bench.loop, bench.emulator.handle(std::move(request)),
                          [&answer](std::exception_ptr, Reply reply) { answer = reply; });
    bench.loop.restart();
    bench.loop.poll();
}

TEST_CASE("controls answer this machine only, and name what they know") {
    Bench bench;
    auto foreign = Bench::request("GET", "/__emulator/ledger");
    foreign.peer = "192.0.2.7";
    CHECK(bench.send(std::move(foreign)).status == 403);
    auto mapped = Bench::request("GET", "/__emulator/ledger");
    mapped.peer = "::ffff:127.0.0.1";
    CHECK(bench.send(std::move(mapped)).status == 200);

    const auto unknown = bench.client(R"({"client_id":"x","rotaton":true})");
    CHECK(bench.last.status == 400);
    CHECK(Bench::text(unknown, "error") == "unknown_field");
    CHECK(Bench::text(unknown, "message").find("rotation") != std::string::npos);
    CHECK(Bench::text(bench.control("POST", "faults", R"({"path":"/","dealy_ms":1})"), "error") ==
          "unknown_field");
    CHECK(Bench::text(bench.control("POST", "clock", R"({"advance":1})"), "error") ==
          "unknown_field");
    CHECK(Bench::text(bench.control("POST", "clock", "nonsense"), "error") == "invalid_json");
    bench.control("GET", "nothing");
    CHECK(bench.last.status == 404);
    bench.control("DELETE", "ledger");
    CHECK(bench.last.status == 405);
    for (const auto* wrong :
         {R"({})", R"({"client_id":5})", R"({"client_id":"x","reuse":"maybe"})",
          R"({"client_id":"x","refresh_policy":"idle"})",
          R"({"client_id":"x","refresh_policy":"idle:x"})", R"({"client_id":"x","rotation":1})",
          R"({"client_id":"x","session_timeout":-1})", R"({"client_id":"x","scopes":[1]})"}) {
        CHECK(Bench::text(bench.client(wrong), "error") == "wrong_value");
    }
    for (const auto* wrong :
         {R"({})", R"({"path":"x"})", R"({"path":"/","count":0})", R"({"path":"/","when":"now"})",
          R"({"path":"/","status":99})", R"({"path":"/","headers":{"a b":"c"}})",
          R"({"path":"/","headers":{"a":"b\r\nc"}})"}) {
        CHECK(Bench::text(bench.control("POST", "faults", wrong), "error") == "wrong_value");
    }
}

TEST_CASE("a client is added, changed field by field, and shown whole") {
    Bench bench;
    const auto added = bench.client(
        R"({"client_id":"app","secret":"s","redirect_uris":["https://app.example/cb"],
            "rotation":"off","pkce":false,"refresh_policy":"idle:60"})");
    CHECK(bench.last.status == 200);
    CHECK(added.at("secret_required_web").as_bool());
    CHECK_FALSE(added.at("rotation").as_bool());
    CHECK(Bench::text(added, "pkce") == "optional");
    CHECK(Bench::text(added, "refresh_policy") == "idle:60");
    const auto changed = bench.client(R"({"client_id":"app","blocked":true})");
    CHECK(changed.at("blocked").as_bool());
    CHECK(Bench::text(changed, "refresh_policy") == "idle:60");
    CHECK(bench.control("GET", "clients").at("clients").as_array().size() == 3);
    const auto open = bench.client(R"({"client_id":"spa"})");
    CHECK_FALSE(open.at("secret_required_refresh").as_bool());
}

TEST_CASE("time moves forward for everything at once") {
    Bench bench;
    const auto mine = bench.connect();
    const auto answer = bench.control("POST", "clock", R"({"advance_seconds":7200})");
    CHECK(bench.last.status == 200);
    CHECK(answer.at("advanced_seconds") == 7200);
    CHECK(answer.at("epoch_seconds") == 1763907200);
    CHECK(bench.data_status(mine.access) == 401);
    CHECK(Bench::text(Bench::json(bench.refresh(mine.refresh)), "issued_at") == "1763907200000");
    bench.control("POST", "clock", R"({"advance_seconds":-1})");
    CHECK(bench.last.status == 400);
}

TEST_CASE("every session so far can be ended, and later ones work") {
    Bench bench;
    const auto mine = bench.connect();
    CHECK(bench.control("POST", "sessions/expire").at("expired") == 1);
    CHECK(bench.data_status(mine.access) == 401);
    const auto next = Bench::tokens(bench.refresh(mine.refresh));
    CHECK(bench.data_status(next.access) == 200);
}

TEST_CASE("approvals without a browser are as good as those of a person") {
    Bench bench;
    bench.client(R"({"client_id":"latchkey-demo","max_approvals":3})");
    const auto opened =
        bench.control("POST", "grants", R"({"client_id":"latchkey-demo","count":4})");
    REQUIRE(bench.last.status == 200);
    const auto& grants = opened.at("grants").as_array();
    REQUIRE(grants.size() == 4);
    CHECK(bench.total("live_tokens") == 3);
    CHECK(bench.total("revocations") == 1);
    const auto& answer = grants.at(3).at("answer").as_object();
    CHECK(bench.data_status(Bench::text(answer, "access_token")) == 200);
    const auto next = bench.refresh(Bench::text(answer, "refresh_token"));
    CHECK(next.status == 200);
    CHECK(Bench::text(Bench::json(next), "scope") == "api refresh_token id");

    for (const auto* wrong :
         {R"({})", R"({"client_id":"nobody"})", R"({"client_id":"latchkey-demo","count":0})",
          R"({"client_id":"latchkey-demo","count":10001})",
          R"({"client_id":"latchkey-demo","user":"nobody@acme.example"})"}) {
        CHECK(Bench::text(bench.control("POST", "grants", wrong), "error") == "wrong_value");
    }
    CHECK(Bench::text(bench.control("POST", "grants", R"({"number":1})"), "error") ==
          "unknown_field");
}

TEST_CASE("a fault before the work stands in for it") {
    Bench bench;
    const auto mine = bench.connect();
    const auto fault =
        bench.control("POST", "faults",
                      R"({"path":"/services/oauth2/token","count":2,"status":503,"body":"busy",
            "headers":{"Retry-After":"7"}})");
    CHECK(Bench::text(fault, "when") == "before");
    for (int i = 0; i < 2; ++i) {
        const auto reply = bench.refresh(mine.refresh);
        CHECK(reply.status == 503);
        CHECK(reply.body == "busy");
        CHECK(Bench::header(reply, "Retry-After") == "7");
    }
    CHECK(bench.refresh(mine.refresh).status == 200);
    CHECK(bench.total("refreshes") == 1);
    CHECK(bench.total("reuses") == 0);
}

TEST_CASE("J10: a fault after the work loses the answer of a refresh that happened") {
    Bench bench;
    const auto mine = bench.connect();
    bench.control("POST", "faults",
                  R"({"path":"/services/oauth2/token","when":"after","reset":true})");
    const auto lost = bench.refresh(mine.refresh);
    CHECK(lost.reset);
    CHECK(bench.total("refreshes") == 1);
    CHECK_FALSE(bench.active(mine.refresh));

    const auto next = bench.connect();
    bench.control("POST", "faults", R"({"path":"/services/oauth2","when":"after","cut_at":40})");
    CHECK(bench.refresh(next.refresh).cut_at == 40u);
    bench.control("POST", "faults", R"({"path":"/services/data","status":500})");
    CHECK(bench.data_status(mine.access) == 500);
    CHECK(bench.data_status(mine.access) == 200);
}

TEST_CASE("faults touch their path and what is below it, and can be taken back") {
    Bench bench;
    const auto mine = bench.connect();
    bench.control("POST", "faults", R"({"path":"/services/oauth2/tok","status":500})");
    CHECK(bench.refresh(mine.refresh).status == 200);
    bench.control("POST", "faults", R"({"path":"/","status":500,"count":9})");
    CHECK(bench.control("GET", "faults").at("faults").as_array().size() == 2);
    CHECK(bench.get("/id/keys").status == 500);
    CHECK(bench.control("DELETE", "faults").at("faults").as_array().empty());
    CHECK(bench.get("/id/keys").status == 200);
}

TEST_CASE("a delayed refresh holds its token, before and after the work") {
    for (const auto* when : {"before", "after"}) {
        Bench bench;
        const auto mine = bench.connect();
        bench.control("POST", "faults",
                      R"({"path":"/services/oauth2/token","delay_ms":5000,"when":")" +
                          std::string{when} + R"("})");
        std::optional<Reply> slow;
        begin(bench, Bench::form(token_path, Bench::refresh_of(mine.refresh)), slow);
        CHECK_FALSE(slow);
        CHECK(Bench::error(bench.refresh(mine.refresh)) ==
              "invalid_grant: token request is already being processed");
        bench.clock.advance(5s);
        bench.loop.poll();
        REQUIRE(slow);
        CHECK(bench.active(Bench::tokens(*slow).refresh));
        CHECK(bench.total("reuses") == 0);
        CHECK(bench.total("max_in_flight") == 2);
        // Now it is an ordinary reuse.
        bench.refresh(mine.refresh);
        CHECK(bench.total("reuses") == 1);
    }
}

TEST_CASE("the ledger keeps every use and whether its answer was handed over") {
    Bench bench;
    const auto mine = bench.connect();
    const auto reply = bench.refresh(mine.refresh);
    reply.sent(false);
    bench.refresh("5Aep861never");
    const auto uses = bench.control("GET", "ledger?uses=1").at("uses").as_array();
    REQUIRE(uses.size() == 2);
    CHECK(Bench::text(uses[0], "outcome") == "refreshed");
    CHECK_FALSE(uses[0].at("handed_over").as_bool());
    CHECK(uses[0].at("arrived").as_int64() < uses[0].at("begun").as_int64());
    CHECK(uses[0].at("begun").as_int64() < uses[0].at("ended").as_int64());
    CHECK(Bench::text(uses[0], "grant") == "grant-1");
    CHECK(Bench::text(uses[1], "outcome") == "refused");
    CHECK(Bench::text(uses[1], "grant").empty());
    CHECK(bench.emulator.ledger().totals().refreshes == 1);

    const auto grant = bench.control("GET", "ledger").at("grants").at(0);
    CHECK(Bench::text(grant, "client_id") == "latchkey-demo");
    CHECK(Bench::text(grant, "user") == "ada@acme.example");
    CHECK(grant.at("refreshes") == 1);
    CHECK(grant.at("live_tokens") == 1);
}

TEST_CASE("reset brings everything back, tokens of the same seed included") {
    Bench bench;
    const auto first = bench.connect();
    bench.client(R"({"client_id":"latchkey-demo","blocked":true})");
    bench.control("POST", "clock", R"({"advance_seconds":5})");
    bench.control("POST", "faults", R"({"path":"/","status":500})");
    bench.control("POST", "reset");
    CHECK(bench.last.status == 200);
    CHECK(bench.data_status(first.access) == 401);
    CHECK(bench.control("GET", "clock").at("advanced_seconds") == 0);
    CHECK(bench.connect().refresh == first.refresh);
    CHECK(bench.control("GET", "ledger").at("grants").as_array().size() == 1);
}

TEST_CASE("a moved instance is named by the next refresh, and its old host answers 420") {
    Bench bench;
    const auto mine = bench.connect();
    bench.client(R"({"client_id":"latchkey-demo","instance_url_move":true})");
    CHECK(bench.data_status(mine.access) == 200);
    const auto answer = Bench::json(bench.refresh(mine.refresh));
    CHECK(Bench::text(answer, "instance_url") == "http://localhost:8788");
    const auto token = Bench::text(answer, "access_token");
    CHECK(bench.data_status(token) == 420);
    auto there = Bench::request("GET", "/services/data/v68.0/limits");
    there.headers.set("Host", "localhost:8788");
    there.headers.add("Authorization", "Bearer " + token);
    CHECK(bench.send(std::move(there)).status == 200);
}

TEST_CASE("answers bend as the knobs say") {
    Bench bench;
    bench.client(R"({"client_id":"latchkey-demo","include_expires_in":true,"issued_at_number":true,
                     "extra_fields":true,"sfap":true})");
    const auto mine = bench.connect();
    const auto body = Bench::json(bench.refresh(mine.refresh));
    CHECK(body.at("expires_in") == 7200);
    CHECK(body.at("issued_at") == 1763900000000);
    CHECK(Bench::text(body, "api_instance_url") == "https://api.salesforce.com");
    CHECK(body.as_object().contains("x_unknown_object"));

    bench.client(R"({"client_id":"latchkey-demo","maintenance":true})");
    const auto down = bench.refresh(mine.refresh);
    CHECK(down.status == 503);
    CHECK(Bench::header(down, "Content-Type").starts_with("text/html"));
    CHECK(bench.data_status(mine.access) == 503);
    bench.client(R"({"client_id":"latchkey-demo","maintenance":false,"login_rate":1})");
    const auto next = Bench::tokens(bench.refresh(Bench::text(body, "refresh_token")));
    CHECK(Bench::error(bench.refresh(next.refresh)) ==
          "rate_limit_exceeded: number of logins exceeded");
    bench.pass(1h);
    CHECK(bench.refresh(next.refresh).status == 200);
}

TEST_CASE("the printed configuration is enough to start with") {
    Bench bench;
    const auto config = boost::json::parse(bench.emulator.config_json());
    CHECK(Bench::text(config, "url") == "http://127.0.0.1:8788");
    CHECK(Bench::text(config, "token_url") == "http://127.0.0.1:8788/services/oauth2/token");
    CHECK(Bench::text(config, "user") == "ada@acme.example");
    CHECK(Bench::text(config, "password") == "latchkey");
    CHECK(Bench::text(config, "org_id") == "00Dxx0000001gPLEAY");
    CHECK(Bench::text(config.at("clients").at(0), "client_secret") == "latchkey-demo-secret");
    CHECK(config.at("clients").at(1).at("client_secret").is_null());
}

TEST_CASE("with a state file a restarted emulator knows its tokens, the spent ones too") {
    const auto path = std::filesystem::temp_directory_path() /
                      ("emulator-state-" + std::to_string(::getpid()) + ".json");
    std::filesystem::remove(path);
    Options options;
    options.state_file = path.string();
    Bench::Tokens first;
    Bench::Tokens second;
    {
        Bench bench{options};
        REQUIRE(bench.emulator.open_state().has_value());
        first = bench.connect();
        second = Bench::tokens(bench.refresh(first.refresh));
        bench.client(R"({"client_id":"latchkey-demo","reuse":"reject_only"})");
        bench.control("POST", "clock", R"({"advance_seconds":60})");
    }
    CHECK(std::filesystem::status(path).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    {
        Bench bench{options};
        REQUIRE(bench.emulator.open_state().has_value());
        CHECK(bench.control("GET", "clock").at("advanced_seconds") == 60);
        CHECK(bench.data_status(second.access) == 200);
        bench.refresh(first.refresh);
        CHECK(bench.total("reuses") == 1);
        const auto third = Bench::tokens(bench.refresh(second.refresh));
        CHECK(third.refresh != second.refresh);
        CHECK(third.refresh != first.refresh);
        CHECK(bench.connect().refresh != third.refresh);
    }
    std::ofstream{path} << R"({"drawn":1})";
    Bench bench{options};
    const auto broken = bench.emulator.open_state();
    REQUIRE(broken.has_error());
    CHECK(broken.error().code == "state_file");
    std::filesystem::remove(path);
}

}  // namespace latchkey::emulator::test
