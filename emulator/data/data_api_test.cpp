#include <chrono>

#include "emulator/data/data_bench.h"
#include "emulator/data/seed.h"

namespace latchkey::emulator::rest::test {

TEST_CASE("anybody is told the versions, oldest first, and nothing is counted for that") {
    DataBench org;
    for (const char* path : {"/services/data", "/services/data/"}) {
        const Reply reply = org.api.handle(org.request("GET", path), std::nullopt, org.now);
        CHECK(reply.status == 200);
        CHECK(!reply.headers.find("Sforce-Limit-Info"));
        const json::array versions = org.parsed(reply).as_array();
        REQUIRE(versions.size() == 38);
        CHECK(versions.front() == json::value{{"label", "Summer '14"},
                                              {"url", "/services/data/v31.0"},
                                              {"version", "31.0"}});
        CHECK(versions[35].at("label") == "Spring '26");
        CHECK(versions.back() == json::value{{"label", "Winter '27"},
                                             {"url", "/services/data/v68.0"},
                                             {"version", "68.0"}});
    }
}

TEST_CASE("without a caller everything but the versions is 401 INVALID_SESSION_ID") {
    DataBench org;
    for (const char* path : {"/services/data/v68.0", "/services/data/v68.0/sobjects",
                             "/services/data/v25.0", "/services/data/nonsense"}) {
        const Reply reply = org.api.handle(org.request("GET", path), std::nullopt, org.now);
        CHECK(org.outcome(reply) == "401 INVALID_SESSION_ID");
        CHECK(org.message(reply) == "Session expired or invalid");
    }
}

TEST_CASE("a version shows what is below it and who is asking") {
    DataBench org;
    for (const char* path : {"/services/data/v68.0", "/services/data/v68.0/"}) {
        const json::value map = org.parsed(org.send("GET", path));
        CHECK(map.at("sobjects") == "/services/data/v68.0/sobjects");
        CHECK(map.at("query") == "/services/data/v68.0/query");
        CHECK(map.at("identity").as_string() == org.ada.identity_url);
    }
    CHECK(org.parsed(org.send("GET", "/services/data/v31.0")).at("limits") ==
          "/services/data/v31.0/limits");
}

TEST_CASE("retired versions are gone and unknown ones are not found") {
    DataBench org;
    const auto outcome = [&](const std::string& version) {
        return org.outcome(org.send("GET", "/services/data/" + version));
    };
    CHECK(outcome("v21.0") == "410 UNSUPPORTED_API_VERSION");
    CHECK(outcome("v30.0/sobjects") == "410 UNSUPPORTED_API_VERSION");
    for (const char* unknown : {"v20.0", "v69.0", "v68", "v68.1", "68.0", "v068.0", "V68.0", "v",
                                "v+8.0", "v68.0%00", "v6%zz", "v99.0/sobjects"}) {
        INFO(unknown);
        CHECK(outcome(unknown) == "404 NOT_FOUND");
    }
}

TEST_CASE("paths that are not served are 404, and wrong methods 405 with those that are right") {
    DataBench org;
    for (const char* path : {"composite/graph", "composite/sobjects/Nope", "jobs", "limits/x",
                             "tooling", "chatter/users", "sobjects/Nope", "sobjects/Nope/describe",
                             "sobjects/Account/describe/layouts", "sobjects/Account/x.xml"}) {
        INFO(path);
        CHECK(org.outcome(org.call("GET", path)) == "404 NOT_FOUND");
    }
    for (const char* path : {"", "query", "queryAll", "limits", "sobjects",
                             "sobjects/Account/describe", "tooling/query", "chatter/users/me"}) {
        INFO(path);
        const Reply reply = org.call("POST", path, "{}");
        CHECK(org.outcome(reply) == "405 METHOD_NOT_ALLOWED");
        CHECK(org.message(reply) == "HTTP Method 'POST' not allowed. Allowed are HEAD,GET");
        CHECK(reply.headers.find("Allow") == "HEAD,GET");
    }
    CHECK(org.outcome(org.call("PUT", "sobjects/Account")) == "405 METHOD_NOT_ALLOWED");
    CHECK(org.outcome(org.send("POST", "/services/data")) == "405 METHOD_NOT_ALLOWED");
}

TEST_CASE("closing slashes, doubled slashes and .json make no difference") {
    DataBench org;
    for (const char* path : {"limits", "limits/", "limits.json", "/limits//"}) {
        INFO(path);
        CHECK(org.parsed(org.call("GET", path)).at("DailyApiRequests").at("Max") == 15000);
    }
    CHECK(org.call("GET", "query/?q=SELECT+Id+FROM+Account+LIMIT+1").status == 200);
    CHECK(org.call("GET", "sobjects/Account/describe.json").status == 200);
}

TEST_CASE("every answer tells how much of the day's limit is used, and over it nothing works") {
    DataBench org;
    org.api.set_daily_limit(2);
    CHECK(org.call("GET", "limits").headers.find("Sforce-Limit-Info") == "api-usage=1/2");
    const Reply wrong = org.call("GET", "nonsense");
    CHECK(wrong.headers.find("Sforce-Limit-Info") == "api-usage=2/2");
    const Reply over = org.call("GET", "limits");
    CHECK(org.outcome(over) == "403 REQUEST_LIMIT_EXCEEDED");
    CHECK(over.headers.find("Sforce-Limit-Info") == "api-usage=2/2");
    CHECK(org.send("GET", "/services/data").status == 200);

    SUBCASE("until a day has passed") {
        org.now += std::chrono::hours{24};
        CHECK(org.call("GET", "limits").headers.find("Sforce-Limit-Info") == "api-usage=1/2");
    }
    SUBCASE("until the limit is set again") {
        org.api.set_daily_limit(10);
        const Reply reply = org.call("GET", "limits");
        CHECK(reply.headers.find("Sforce-Limit-Info") == "api-usage=1/10");
        CHECK(org.parsed(reply).at("DailyApiRequests").at("Remaining") == 9);
    }
}

TEST_CASE("what sf asks after a login is answered") {
    DataBench org;
    const auto v51 = [&](const std::string& rest) {
        return org.send("GET", "/services/data/v51.0/" + rest);
    };
    CHECK(org.parsed(v51("sobjects/User/" + org.user_id)).at("Username") == "ada@acme.example");
    CHECK(org.outcome(v51("query?q=SELECT%20Id%20FROM%20ScratchOrgInfo%20limit%201")) ==
          "400 INVALID_TYPE");
    const auto organization = org.records(
        "SELECT Name, InstanceName, IsSandbox, TrialExpirationDate, NamespacePrefix, "
        "OrganizationType FROM Organization");
    REQUIRE(organization.size() == 1);
    CHECK(organization[0].at("OrganizationType") == "Developer Edition");
    CHECK(organization[0].at("IsSandbox") == false);
    CHECK(organization[0].at("TrialExpirationDate").is_null());
    CHECK(org.outcome(org.ask("SELECT Id, Status FROM SandboxProcess WHERE "
                              "SandboxOrganization='00DLk0000000001' AND Status IN ('Completed')",
                              "tooling/query")) == "400 INVALID_TYPE");
    CHECK(org.outcome(org.ask("SELECT", "tooling/query")) == "400 MALFORMED_QUERY");
}

TEST_CASE("a user the org has not seen before is there as soon as they ask") {
    DataBench org;
    org.ada.user_id = "005Lk0000000002IAA";
    org.ada.username = "grace@acme.example";
    const json::value me = org.parsed(org.call("GET", "chatter/users/me"));
    CHECK(me.at("username") == "grace@acme.example");
    CHECK(me.at("firstName") == "Grace");
    CHECK(org.total("SELECT COUNT() FROM User") == 2);
    const std::string id = org.create("Account", {{"Name", "of Grace"}});
    CHECK(org.column("SELECT OwnerId FROM Account WHERE Id = '" + id + "'", "OwnerId") ==
          org.ada.user_id);
}

TEST_CASE("the same seed gives the same records, another seed others, and a reset the first ones") {
    DataBench one, same;
    DataApi other{8, one.org_id, one.user_id, "ada@acme.example"};
    const std::string path = "/services/data/v68.0/query?q=SELECT+Id,Name,Phone+FROM+Contact";
    const std::string first = one.send("GET", path).body;
    CHECK(first.size() > 100'000);
    CHECK(same.send("GET", path).body == first);
    CHECK(other.handle(one.request("GET", path), one.ada, one.now).body != first);

    const auto count = "SELECT COUNT() FROM Account";
    one.create("Account", {{"Name", "new"}});
    CHECK(one.total(count) == static_cast<std::int64_t>(seeded_accounts) + 1);
    one.api.reset();
    CHECK(one.call("GET", "limits").headers.find("Sforce-Limit-Info") == "api-usage=1/15000");
    CHECK(one.total(count) == static_cast<std::int64_t>(seeded_accounts));
}

TEST_CASE("seeded contacts have accounts and every id its checksum") {
    DataBench org;
    CHECK(org.total("SELECT COUNT() FROM Contact WHERE Account.Name != null") == 3000);
    CHECK(org.total("SELECT COUNT() FROM Opportunity WHERE Account.Name = null") == 0);
    for (const json::value& row : org.records("SELECT Id, AccountId FROM Contact LIMIT 50")) {
        const std::string id(row.at("Id").as_string());
        CHECK(id.starts_with("003"));
        CHECK(row.at("AccountId").as_string().starts_with("001"));
        CHECK(full_id(id.substr(0, 15)) == id);
    }
    CHECK(full_id("00Dxx0000001gPL") == "00Dxx0000001gPLEAY");
    CHECK(full_id("005xx000001swiuaas") == "005xx000001SwiUAAS");
    CHECK(!full_id("00Dxx0000001gPLEA!"));
    CHECK(!full_id("00Dxx0000001gPLE"));
    CHECK(!full_id("00Dxx0000001gPL555"));
}

TEST_CASE("an answer to HEAD is that to GET, and a query string that cannot be read is 400") {
    DataBench org;
    CHECK(org.call("HEAD", "limits").status == 200);
    CHECK(org.outcome(org.call("GET", "query?q=%zz")) == "400 BAD_REQUEST");
}

}  // namespace latchkey::emulator::rest::test
