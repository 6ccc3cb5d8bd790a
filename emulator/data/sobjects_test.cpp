#include "emulator/data/data_bench.h"

namespace latchkey::emulator::rest::test {
namespace {

constexpr std::string_view external = "sobjects/Account/External_Id__c/";

}  // namespace

TEST_CASE("a record is made, read, changed and deleted") {
    DataBench org;
    Reply made = org.call("POST", "sobjects/account/", R"({"name": "Acme", "AnnualRevenue": 12.5,
        "attributes": {"type": "Account"}, "Active__c": true, "Phone": ""})");
    REQUIRE(made.status == 201);
    const json::value body = org.parsed(made);
    const std::string id(body.at("id").as_string());
    CHECK(body == json::value{{"id", id}, {"success", true}, {"errors", json::array{}}});
    CHECK(made.headers.find("Location") == "/services/data/v68.0/sobjects/Account/" + id);
    CHECK(id.size() == 18);
    CHECK(id.starts_with("001"));

    org.now += std::chrono::seconds{60};
    const Reply changed =
        org.call("PATCH", "sobjects/Account/" + id, R"({"NAME":"Acme 2","AnnualRevenue":null})");
    CHECK(changed.status == 204);
    CHECK(changed.body.empty());

    const json::value record = org.parsed(org.call("GET", "sobjects/Account/" + id));
    CHECK(record.at("attributes").at("type") == "Account");
    CHECK(record.at("Id").as_string() == id);
    CHECK(record.at("Name") == "Acme 2");
    CHECK(record.at("AnnualRevenue").is_null());
    CHECK(record.at("Phone").is_null());
    CHECK(record.at("Active__c") == true);
    CHECK(record.at("IsDeleted") == false);
    CHECK(record.at("OwnerId").as_string() == org.user_id);
    CHECK(record.at("CreatedDate") == "2026-11-25T09:46:40.000+0000");
    CHECK(record.at("LastModifiedDate") == "2026-11-25T09:47:40.000+0000");

    CHECK(org.call("DELETE", "sobjects/Account/" + id).status == 204);
    for (const char* method : {"GET", "PATCH", "DELETE"}) {
        CHECK(org.outcome(org.call(method, "sobjects/Account/" + id, "{}")) ==
              "404 ENTITY_IS_DELETED");
    }
}

TEST_CASE("POST with _HttpMethod=PATCH changes a record") {
    DataBench org;
    const std::string id = org.create("Account", {{"Name", "before"}});
    const std::string path = "sobjects/Account/" + id;
    CHECK(org.outcome(org.call("POST", path, R"({"Name":"after"})")) == "405 METHOD_NOT_ALLOWED");
    CHECK(org.call("POST", path + "?_HttpMethod=PATCH", R"({"Name":"after"})").status == 204);
    CHECK(org.parsed(org.call("GET", path)).at("Name") == "after");
    CHECK(org.call("GET", path + "?_HttpMethod=DELETE").status == 200);
}

TEST_CASE("fields= chooses what is read, and Id comes along") {
    DataBench org;
    const std::string id = org.create("Contact", {{"LastName", "Kid"}, {"FirstName", "The"}});
    const std::string path = "sobjects/Contact/" + id.substr(0, 15) + "?fields=";
    const json::value record = org.parsed(org.call("GET", path + "name,%20Owner.Username"));
    CHECK(record.as_object().size() == 4);
    CHECK(record.at("Name") == "The Kid");
    CHECK(record.at("Owner").at("Username") == "ada@acme.example");
    CHECK(record.at("Id").as_string() == id);
    CHECK(org.outcome(org.call("GET", path + "Name,Nope")) == "400 INVALID_FIELD");
    CHECK(org.outcome(org.call("GET", path)) == "400 INVALID_FIELD");
    CHECK(org.outcome(org.call("GET", path + "Id,,")) == "400 INVALID_FIELD");
    CHECK(org.outcome(org.call("GET", path + ".")) == "400 INVALID_FIELD");
}

TEST_CASE("ids that name no record are refused by what is wrong with them") {
    DataBench org;
    const std::string contact = org.create("Contact", {{"LastName", "Kid"}});
    CHECK(org.outcome(org.call("GET", "sobjects/Account/abc")) == "404 NOT_FOUND");
    CHECK(org.outcome(org.call("GET", "sobjects/Account/" + contact)) == "404 NOT_FOUND");
    CHECK(org.outcome(org.call("DELETE", "sobjects/Account/001Lk0000000000AAA")) ==
          "404 NOT_FOUND");
    CHECK(org.outcome(org.call("PATCH", "sobjects/Account/001Lk00000-0000", "{}")) ==
          "400 MALFORMED_ID");
    CHECK(org.outcome(org.call("GET", "sobjects/Account/001Lk0000000000555")) ==
          "400 MALFORMED_ID");
}

TEST_CASE("a body that is wrong changes nothing and says which field and why") {
    DataBench org;
    const std::string id = org.create("Contact", {{"LastName", "Kid"}});
    const std::string path = "sobjects/Contact/" + id;
    const std::string before = org.call("GET", path).body;
    struct Row {
        const char* body;
        const char* outcome;
        const char* field;  ///< in "fields"; empty: there is none
    };
    const Row rows[] = {
        {"", "400 JSON_PARSER_ERROR", ""},
        {"{", "400 JSON_PARSER_ERROR", ""},
        {"[]", "400 JSON_PARSER_ERROR", ""},
        {"{\"Title\":\"\xff\"}", "400 JSON_PARSER_ERROR", ""},
        {R"({"Title":"new","Nope":1})", "400 INVALID_FIELD", ""},
        {R"({"Id":"003Lk0000000000AAA"})", "400 INVALID_FIELD", ""},
        {R"({"Title":"new","Name":"x"})", "400 INVALID_FIELD_FOR_INSERT_UPDATE", "Name"},
        {R"({"CreatedDate":"2026-01-01T00:00:00Z"})", "400 INVALID_FIELD_FOR_INSERT_UPDATE",
         "CreatedDate"},
        {R"({"LastName":null})", "400 REQUIRED_FIELD_MISSING", "LastName"},
        {R"({"LastName":""})", "400 REQUIRED_FIELD_MISSING", "LastName"},
        {R"({"OwnerId":null})", "400 REQUIRED_FIELD_MISSING", "OwnerId"},
        {R"({"FirstName":"12345678901234567890123456789012345678901"})", "400 STRING_TOO_LONG",
         "FirstName"},
        {R"({"Title":5})", "400 JSON_PARSER_ERROR", ""},
        {R"({"Title":{"a":1}})", "400 JSON_PARSER_ERROR", ""},
        {R"({"DoNotCall":"yes"})", "400 JSON_PARSER_ERROR", ""},
        {R"({"DoNotCall":null})", "400 INVALID_TYPE_ON_FIELD_IN_RECORD", "DoNotCall"},
        {R"({"Birthdate":"2026-02-30"})", "400 JSON_PARSER_ERROR", ""},
        {R"({"Birthdate":20260101})", "400 JSON_PARSER_ERROR", ""},
        {R"({"Email":"nobody"})", "400 INVALID_EMAIL_ADDRESS", "Email"},
        {R"({"AccountId":"nonsense"})", "400 MALFORMED_ID", "AccountId"},
        {R"({"AccountId":"003Lk0000000000AAA"})", "400 MALFORMED_ID", "AccountId"},
        {R"({"AccountId":"001Lk0000000000AAA"})", "400 INVALID_CROSS_REFERENCE_KEY", "AccountId"},
    };
    for (const Row& row : rows) {
        INFO(row.body);
        const Reply reply = org.call("PATCH", path, row.body);
        INFO(reply.body);
        CHECK(org.outcome(reply) == row.outcome);
        const json::value error = org.parsed(reply).at(0);
        const bool named = error.as_object().contains("fields");
        CHECK(named == (row.field[0] != '\0'));
        if (named) CHECK(error.at("fields").at(0) == row.field);
    }
    CHECK(org.call("GET", path).body == before);
}

TEST_CASE("numbers are checked against their field") {
    DataBench org;
    const auto outcome = [&](const char* body) {
        return org.outcome(org.call("POST", "sobjects/Account", body));
    };
    CHECK(outcome(R"({"Name":"n","AnnualRevenue":"12"})") == "400 JSON_PARSER_ERROR");
    CHECK(outcome(R"({"Name":"n","AnnualRevenue":1e17})") == "400 NUMBER_OUTSIDE_VALID_RANGE");
    CHECK(outcome(R"({"Name":"n","NumberOfEmployees":1.5})") == "400 JSON_PARSER_ERROR");
    CHECK(outcome(R"({"Name":"n","NumberOfEmployees":2147483648})") ==
          "400 NUMBER_OUTSIDE_VALID_RANGE");
    CHECK(outcome(R"({"Name":"n","NumberOfEmployees":2147483647})") == "201");
}

TEST_CASE("all required fields that are missing are named") {
    DataBench org;
    const Reply reply = org.call("POST", "sobjects/Opportunity", R"({"Name":"n"})");
    CHECK(org.outcome(reply) == "400 REQUIRED_FIELD_MISSING");
    CHECK(org.message(reply) == "Required fields are missing: [StageName, CloseDate]");
    CHECK(org.parsed(reply).at(0).at("fields") == json::value{"StageName", "CloseDate"});
}

TEST_CASE("only JSON is taken as a body") {
    DataBench org;
    org.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    CHECK(org.outcome(org.call("POST", "sobjects/Account", R"({"Name":"n"})")) ==
          "415 UNSUPPORTED_MEDIA_TYPE");
    org.headers = {{"Content-Type", "Application/JSON; charset=utf-8"}};
    const std::string id = org.create("Account", {{"Name", "n"}});
    // simple-salesforce sends a content type with DELETE too, and no body.
    CHECK(org.call("DELETE", "sobjects/Account/" + id).status == 204);
}

TEST_CASE("an upsert by external id makes the record, then changes it") {
    DataBench org;
    const std::string path = std::string(external) + "crm%2F42";
    const Reply made = org.call("PATCH", path, R"({"Name":"one"})");
    CHECK(made.status == 201);
    const json::value body = org.parsed(made);
    const std::string id(body.at("id").as_string());
    CHECK(body.at("created") == true);
    CHECK(made.headers.find("Location") == "/services/data/v68.0/sobjects/Account/" + id);

    const Reply changed = org.call("PATCH", path, R"({"Name":"two"})");
    CHECK(changed.status == 200);
    CHECK(
        org.parsed(changed) ==
        json::value{{"id", id}, {"success", true}, {"errors", json::array{}}, {"created", false}});
    const json::value record = org.parsed(org.call("GET", path + "?fields=Name,External_Id__c"));
    CHECK(record.at("Name") == "two");
    CHECK(record.at("External_Id__c") == "crm/42");

    CHECK(org.call("DELETE", path).status == 204);
    CHECK(org.outcome(org.call("GET", path)) == "404 NOT_FOUND");
}

TEST_CASE("before version 46.0 an upsert that changes answers 204 and never says created") {
    DataBench org;
    const std::string path = "/services/data/v45.0/" + std::string(external) + "old";
    const Reply made = org.send("PATCH", path, R"({"Name":"one"})");
    CHECK(made.status == 201);
    CHECK(!org.parsed(made).as_object().contains("created"));
    CHECK(org.send("PATCH", path, R"({"Name":"two"})").status == 204);
}

TEST_CASE("an upsert says no to a second key, a missing field, and to making when not allowed") {
    DataBench org;
    const std::string path = std::string(external) + "x1";
    CHECK(org.outcome(org.call("PATCH", path, R"({"Name":"n","External_Id__c":"x1"})")) ==
          "400 INVALID_FIELD");
    CHECK(org.outcome(org.call("PATCH", path, "{}")) == "400 REQUIRED_FIELD_MISSING");
    CHECK(org.outcome(org.call("PATCH", path + "?updateOnly=true", R"({"Name":"n"})")) ==
          "404 NOT_FOUND");
    CHECK(org.outcome(org.call("PATCH", "sobjects/Account/Phone/1", "{}")) == "404 NOT_FOUND");
    CHECK(org.outcome(org.call("PATCH", std::string(external) + std::string(65, 'x'),
                               R"({"Name":"n"})")) == "400 STRING_TOO_LONG");
    CHECK(org.outcome(org.call("PUT", path, "{}")) == "405 METHOD_NOT_ALLOWED");
    // Bytes that are not UTF-8 would come back in an answer that is not JSON.
    for (const char* bytes : {"%ff", "%c0%af", "%ed%a0%80", "%f4%90%80%80", "%e2%82", "a%80"}) {
        INFO(bytes);
        CHECK(org.outcome(org.call("PATCH", std::string(external) + bytes, R"({"Name":"n"})")) ==
              "404 NOT_FOUND");
    }
    CHECK(org.call("PATCH", std::string(external) + "%e2%82%ac", R"({"Name":"n"})").status == 201);
}

TEST_CASE("an external id of several records answers 300 with their addresses") {
    DataBench org;
    const json::value twin = {{"Name", "twin"}, {"External_Id__c", "twin"}};
    const std::string first = org.create("Account", twin);
    const std::string second = org.create("Account", twin);
    for (const char* method : {"GET", "PATCH"}) {
        const Reply reply = org.call(method, std::string(external) + "TWIN", R"({"Name":"n"})");
        CHECK(reply.status == 300);
        CHECK(org.parsed(reply) == json::value{"/services/data/v68.0/sobjects/Account/" + first,
                                               "/services/data/v68.0/sobjects/Account/" + second});
    }
    CHECK(org.parsed(org.call("GET", "sobjects/Account/Id/" + first)).at("Name") == "twin");
}

TEST_CASE("deleting an account deletes its contacts and opportunities") {
    DataBench org;
    const std::string account = org.create("Account", {{"Name", "parent"}});
    const std::string child = org.create("Contact", {{"LastName", "k"}, {"AccountId", account}});
    CHECK(org.call("DELETE", "sobjects/Account/" + account).status == 204);
    CHECK(org.outcome(org.call("GET", "sobjects/Contact/" + child)) == "404 ENTITY_IS_DELETED");
    CHECK(org.total("SELECT COUNT() FROM Contact") == 3000);
}

TEST_CASE("fields that follow from others are kept right") {
    DataBench org;
    const std::string id =
        org.create("Opportunity",
                   {{"Name", "deal"}, {"StageName", "Prospecting"}, {"CloseDate", "2026-12-01"}});
    const std::string path = "sobjects/Opportunity/" + id;
    CHECK(org.parsed(org.call("GET", path)).at("Probability") == 10);
    CHECK(org.call("PATCH", path, R"({"StageName":"Closed Won"})").status == 204);
    const json::value won = org.parsed(org.call("GET", path));
    CHECK(won.at("Probability") == 100);
    CHECK(won.at("IsClosed") == true);
    CHECK(won.at("IsWon") == true);
    CHECK(won.at("CloseDate") == "2026-12-01");
}

TEST_CASE("users can be changed but not made or deleted, the organization none of it") {
    DataBench org;
    const std::string refused = "400 INVALID_TYPE_FOR_OPERATION";
    CHECK(org.outcome(org.call("POST", "sobjects/User", R"({"LastName":"x"})")) == refused);
    CHECK(org.outcome(org.call("DELETE", "sobjects/User/" + org.user_id)) == refused);
    CHECK(org.call("PATCH", "sobjects/User/" + org.user_id, R"({"Title":"CEO"})").status == 204);
    CHECK(org.outcome(org.call("PATCH", "sobjects/User/" + org.user_id, R"({"Username":"x"})")) ==
          "400 INVALID_FIELD_FOR_INSERT_UPDATE");
    CHECK(org.outcome(org.call("PATCH", "sobjects/Organization/" + org.org_id,
                               R"({"Name":"x"})")) == refused);
}

TEST_CASE("objects are listed and described") {
    DataBench org;
    const json::value list = org.parsed(org.call("GET", "sobjects/"));
    CHECK(list.at("encoding") == "UTF-8");
    CHECK(list.at("maxBatchSize") == 200);
    REQUIRE(list.at("sobjects").as_array().size() == 7);
    CHECK(list.at("sobjects").at(0).at("name") == "Account");
    CHECK(list.at("sobjects").at(0).at("keyPrefix") == "001");

    const json::value brief = org.parsed(org.call("GET", "sobjects/Account"));
    CHECK(brief.at("objectDescribe").at("urls").at("rowTemplate") ==
          "/services/data/v68.0/sobjects/Account/{ID}");
    CHECK(brief.at("recentItems").as_array().size() == 5);

    const json::value full = org.parsed(org.call("GET", "sobjects/contact/describe"));
    CHECK(full.at("name") == "Contact");
    const auto field = [&](std::string_view name) {
        for (const json::value& one : full.at("fields").as_array()) {
            if (one.at("name").as_string() == name) return one;
        }
        return json::value();
    };
    CHECK(field("LastName").at("nillable") == false);
    CHECK(field("LastName").at("length") == 80);
    CHECK(field("Name").at("createable") == false);
    CHECK(field("AccountId").at("type") == "reference");
    CHECK(field("AccountId").at("referenceTo") == json::value{"Account"});
    CHECK(field("AccountId").at("relationshipName") == "Account");

    const json::value account = org.parsed(org.call("GET", "sobjects/Account/describe/"));
    bool contacts = false;
    for (const json::value& child : account.at("childRelationships").as_array()) {
        contacts = contacts || child.at("relationshipName") == "Contacts";
    }
    CHECK(contacts);
}

}  // namespace latchkey::emulator::rest::test
