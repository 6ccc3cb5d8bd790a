#include "facade/rotation_probe.h"

#include <doctest/doctest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/scripted_transport.h"

using namespace latchkey;
using namespace std::chrono_literals;

namespace {

/// A person who logs in as often as asked, and a server that follows a script.
struct Probed {
    boost::asio::io_context loop{1};
    test::FakeClock clock;
    test::ScriptedTransport server;
    TokenEndpoint endpoint{server, clock};
    int logins = 0;
    std::string second_user = "005A";
    bool connected = false;

    void issues(const std::string& refresh_token) {
        server.answer(200, R"({"access_token":"00Dx!a","token_type":"Bearer","refresh_token":")" +
                               refresh_token + R"("})");
    }
    void refuses(const std::string& text) {
        server.answer(400, R"({"error":"invalid_grant","error_description":")" + text + R"("})");
    }
    void says_active(bool active) {
        server.answer(200, active ? R"({"active":true})" : R"({"active":false})");
    }
    /// Up to the moment before a spent token is presented: its successor is "6".
    void runs_as_usual() {
        says_active(true);
        issues("2");
        says_active(false);
        says_active(true);
        issues("3");
        issues("4");
        refuses("token request is already being processed");
        issues("5");
        issues("6");
    }
    Task<ProbeGrant> log_in(int number) {
        logins = number;
        ProbeGrant grant;
        grant.token = Secret{number == 1 ? "1" : "other"};
        grant.org_id = "00D1";
        grant.user_id = number == 1 ? "005A" : second_user;
        co_return grant;
    }
    ProbeParts parts() {
        Provider provider;
        provider.client_id = "app";
        provider.proof = PublicProof{};
        return ProbeParts{endpoint,
                          clock,
                          provider,
                          salesforce::check_login("https://test.salesforce.com", true).value(),
                          60s,
                          false,
                          [this](int number) { return log_in(number); },
                          [this](const std::string& org, const std::string& user) {
                              return Result<bool>{connected && org == "00D1" && user == "005A"};
                          },
                          {}};
    }
    Result<RotationReport> measured() {
        RotationMeasuring measuring{parts()};
        return test::run(loop, measuring.run());
    }
    /// The token in the `n`th request, counted from the end; and where it went.
    std::string last_target(std::size_t from_the_end = 0) const {
        return server.seen()[server.seen().size() - 1 - from_the_end].request.target;
    }
    bool presents(std::size_t n, const std::string& token) const {
        return server.seen()[n].request.body.find("refresh_token=" + token + "&") !=
               std::string::npos;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Probed, "a spent token that is accepted at once is tried again after the grace") {
    runs_as_usual();
    issues("6b");
    refuses("expired access/refresh token");
    refuses("expired access/refresh token");  // its grant
    issues("other 2");                        // the witness
    server.answer(400, R"({"error":"invalid_token"})");
    server.answer(200);

    std::optional<Result<RotationReport>> report;
    RotationMeasuring measuring{parts()};
    boost::asio::co_spawn(loop, measuring.run(), [&](std::exception_ptr, Result<RotationReport> r) {
        report.emplace(std::move(r));
    });
    const auto turn = [&] {
        loop.restart();
        while (loop.poll() != 0) loop.restart();
    };
    turn();
    CHECK(server.seen().size() == 10);
    CHECK(presents(9, "5"));
    clock.advance(59s);
    turn();
    CHECK(server.seen().size() == 10);
    clock.advance(1s);
    turn();
    REQUIRE(report.has_value());
    REQUIRE(report->has_value());
    const auto& found = **report;
    REQUIRE(found.spent_at_once);
    CHECK(found.spent_at_once->accepted);
    REQUIRE(found.spent_later);
    CHECK_FALSE(found.spent_later->accepted);
    CHECK(found.later == 60s);
    CHECK(presents(10, "5"));
    CHECK(presents(11, "6b"));
    CHECK(found.after_spent == GrantFate::ended);
    CHECK(found.others_after_spent == GrantFate::lives);
    CHECK(found.grants_made == 2);
    CHECK(found.grants_ended == 1);
    CHECK(found.grants_revoked == 1);
}

TEST_CASE_FIXTURE(Probed, "a token presented twice at once is told in the server's own words") {
    runs_as_usual();
    refuses("expired access/refresh token");
    issues("7");
    issues("other 2");
    server.answer(200);
    server.answer(200);
    const auto found = measured();
    REQUIRE(found.has_value());
    CHECK(found->rotates);
    CHECK(found->introspection == IntrospectionFinding::truthful);
    REQUIRE(found->two_at_once.size() == 2);
    CHECK(found->two_at_once[0].accepted);
    CHECK(found->two_at_once[1].status == 400);
    CHECK(found->two_at_once[1].error == "invalid_grant");
    CHECK(found->two_at_once[1].description == "token request is already being processed");
    CHECK(found->after_two == GrantFate::lives);
    CHECK_FALSE(found->spent_later);
    CHECK(found->after_spent == GrantFate::lives);
    CHECK(presents(5, "3"));
    CHECK(presents(6, "3"));
}

TEST_CASE_FIXTURE(Probed,
                  "no token of a connected user is presented, and the login is given back") {
    connected = true;
    server.answer(200);
    const auto found = measured();
    REQUIRE(found.has_error());
    CHECK(found.error().code == "user_is_connected");
    REQUIRE(server.seen().size() == 1);
    CHECK(last_target() == "/services/oauth2/revoke");
}

TEST_CASE_FIXTURE(Probed, "a second login as somebody else ends it, and both are given back") {
    second_user = "005B";
    runs_as_usual();
    server.answer(200);
    server.answer(200);
    const auto found = measured();
    REQUIRE(found.has_error());
    CHECK(found.error().code == "another_user");
    CHECK(logins == 2);
    CHECK(last_target(0) == "/services/oauth2/revoke");
    CHECK(last_target(1) == "/services/oauth2/revoke");
}

TEST_CASE_FIXTURE(Probed, "introspection that calls a spent token alive is not to be believed") {
    says_active(true);
    issues("2");
    says_active(true);
    says_active(true);
    issues("3");
    server.not_sent();  // the second of two at once leaves all as it is
    server.not_sent();
    const auto found = measured();
    REQUIRE(found.has_value());
    CHECK(found->introspection == IntrospectionFinding::wrong);
}

TEST_CASE_FIXTURE(Probed, "a first refresh that is refused ends it with what Salesforce said") {
    says_active(true);
    server.answer(400, R"({"error":"invalid_client","error_description":"bad secret"})");
    server.answer(200);
    const auto found = measured();
    REQUIRE(found.has_error());
    CHECK(found.error().fault == Fault::misconfigured);
    CHECK(found.error().remote_text.find("invalid_client") != std::string::npos);
    CHECK(last_target() == "/services/oauth2/revoke");
}

TEST_CASE("nothing is measured where nobody could say who is connected") {
    RotationProbe probe;
    CHECK(probe_rotation(probe).error().code == "show_missing");
    probe.show = [](const std::string&, int) {};
    CHECK(probe_rotation(probe).error().code == "is_connected_missing");
    probe.is_connected = [](const std::string&, const std::string&) { return Result<bool>{false}; };
    CHECK(probe_rotation(probe).error().code == "login_url_missing");
    probe.provider.id = ProviderId{"doctor"};
    probe.provider.client_id = "app";
    probe.provider.proof = PublicProof{};
    probe.provider.login_url = "https://test.salesforce.com";
    probe.provider.redirect_uri = "https://app.example.com/callback";
    CHECK(probe_rotation(probe).error().code == "redirect_not_loopback");
}
