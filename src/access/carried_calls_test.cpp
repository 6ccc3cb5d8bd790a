#include "access/carried_calls.h"

#include <doctest/doctest.h>

#include "access/call_path.h"

using namespace latchkey;

namespace {

const std::string data = "/services/data/v62.0";

/// What a POST, or another method, to data + path carries: "METHOD target", a star before those that
/// carry others. One line "! why" if it cannot be read.
std::vector<std::string> carried(const std::string& path, const std::string& body,
                                 const std::string& method = "POST") {
    const auto mark = path.find('?');
    const auto carrier = carrier_of(method, split_path(data + path.substr(0, mark)));
    REQUIRE(carrier.has_value());
    const auto query = mark == std::string::npos ? "" : path.substr(mark + 1);
    const auto calls = carried_calls(*carrier, method, query, body);
    std::vector<std::string> seen;
    if (!calls) {
        CHECK(calls.error().code == "composite_unreadable");
        CHECK(calls.error().fault == Fault::bad_input);
        return {"! " + calls.error().message};
    }
    for (const auto& call : *calls)
        seen.push_back((call.carries ? "*" : "") + call.method + " " + call.target);
    return seen;
}

bool refused(const std::vector<std::string>& seen, const std::string& why = "") {
    return seen.size() == 1 && seen[0].starts_with("! ") && seen[0].find(why) != std::string::npos;
}

std::string composite(const std::string& calls) {
    return R"({"allOrNone": true, "compositeRequest": [)" + calls + "]}";
}

std::string call(const std::string& method, const std::string& url, const std::string& name,
                 const std::string& more = "") {
    return R"({"method": ")" + method + R"(", "url": ")" + url + R"(", "referenceId": ")" + name +
           "\"" + more + "}";
}

using Seen = std::vector<std::string>;

}  // namespace

TEST_CASE("a composite request, a batch and a graph carry the calls that stand in their bodies") {
    const auto two = call("POST", data + "/sobjects/Account", "a", R"(, "body": {"Name": "x"})") +
                     "," +
                     call("GET", data + "/query?q=SELECT+Id+FROM+Contact", "b",
                          R"(, "httpHeaders": {"If-Match": "x"})") +
                     "," + call("GET", data, "c", R"(, "httpHeaders": null, "body": null)");
    const Seen both = {"POST " + data + "/sobjects/Account",
                       "GET " + data + "/query?q=SELECT+Id+FROM+Contact", "GET " + data};
    CHECK(carried("/composite", composite(two)) == both);
    CHECK(carried("/composite/graph", R"({"graphs": [{"graphId": "1", "compositeRequest": [)" +
                                          call("GET", data + "/x", "a") + R"(]}, {"graphId": "2",
                                          "compositeRequest": [)" +
                                          two + "]}]}") ==
          Seen{"GET " + data + "/x", both[0], both[1], both[2]});
    CHECK(carried("/composite/batch", R"({"haltOnError": false, "batchRequests": [
                  {"method": "PATCH", "url": "v62.0/sobjects/Account/1", "richInput": {"Name": "y"}},
                  {"method": "GET", "url": "/services/data/v62.0/limits"},
                  {"method": "GET", "url": "services/data/v62.0/recent"}]})") ==
          Seen{"PATCH " + data + "/sobjects/Account/1", "GET " + data + "/limits",
               "GET " + data + "/recent"});
}

TEST_CASE("an id of an earlier call in a URL stands for the record that it makes or reads") {
    const auto made = call("POST", data + "/sobjects/Account", "new");
    const auto read = call("GET", data + "/sobjects/Contact/003000000000001?fields=Id", "old");
    CHECK(carried("/composite",
                  composite(made + "," + read + "," +
                            call("PATCH", data + "/sobjects/Account/@{new.id}", "c") + "," +
                            call("GET", data + "/sobjects/Contact/@{old.Id}/x", "d")))
              .back() == "GET " + data + "/sobjects/Contact/003000000000001/x");
    CHECK(carried("/composite", composite(made + "," + call("GET", data + "/x?q='@{new.id}'", "b")))
              .back() == "GET " + data + "/x?q='000000000000000AAA'");
    const auto query = call("GET", data + "/query?q=SELECT+MAX(Name)+id+FROM+Account", "q");
    for (const auto& [earlier, url] : std::vector<std::pair<std::string, std::string>>{
             {query, data + "/sobjects/@{q.records[0].id}"},
             {query, data + "/sobjects/@{q.id}"},
             {made, data + "/sobjects/Account/@{new.Name}"},
             {made, data + "/sobjects/Account/@{new.x.id}"},
             {made, data + "/sobjects/Account/@{New.id}"},
             {made, data + "/sobjects/Account/@{later.id}"},
             {made, data + "/sobjects/Account/@{new.id"},
             {made, data + "/sobjects/Account/%40%7Bnew.id%7D"},
             {made, data + "/sobjects/Account/@%7bnew.id}"},
             {call("POST", data + "/sobjects/Account?x=1", "new"), data + "/@{new.id}"},
             {call("PATCH", data + "/sobjects/Account/Code__c/7", "new"), data + "/@{new.id}"},
             {call("GET", data + "/sobjects/Contact/Email/x", "new"), data + "/@{new.id}"},
             {call("GET", "/services/apexrest/any", "new"), data + "/@{new.id}"}}) {
        CAPTURE(url);
        CHECK(refused(carried("/composite", composite(earlier + "," + call("GET", url, "z")))));
    }
    // Graphs know nothing of each other.
    CHECK(refused(
        carried("/composite/graph", R"({"graphs": [{"graphId": "1", "compositeRequest": [)" + made +
                                        R"(]}, {"graphId": "2", "compositeRequest": [)" +
                                        call("GET", data + "/@{new.id}", "z") + "]}]}")));
}

TEST_CASE("records in a collection count as calls for each of them") {
    const std::string records = R"({"allOrNone": false, "records": [
        {"attributes": {"type": "Account"}, "Name": "a", "id": "001000000000001"},
        {"attributes": {"type": "Contact", "referenceId": "r"}, "Id": "003000000000001AAA"}]})";
    CHECK(carried("/composite/sobjects", records) ==
          Seen{"POST " + data + "/sobjects/Account", "POST " + data + "/sobjects/Contact"});
    CHECK(carried("/composite/sobjects", records, "PATCH") ==
          Seen{"PATCH " + data + "/sobjects/Account/001000000000001",
               "PATCH " + data + "/sobjects/Contact/003000000000001AAA"});
    CHECK(carried("/composite/sobjects/Account/Code__c",
                  R"({"records": [{"attributes": {"type": "account"}, "code__c": "a b"},
                                  {"attributes": {"type": "Account"}, "Code__c": 7},
                                  {"attributes": {"type": "Account"}, "Code__c": "INV/20%26;"},
                                  {"attributes": {"type": "Account"}, "Code__c": ".."},
                                  {"attributes": {"type": "Account"}, "Code__c": null}]})",
                  "PATCH") == Seen{"PATCH " + data + "/sobjects/Account/Code__c/a%20b",
                                   "PATCH " + data + "/sobjects/Account/Code__c/7",
                                   "PATCH " + data + "/sobjects/Account/Code__c/INV_20_26_",
                                   "PATCH " + data + "/sobjects/Account/Code__c/_",
                                   "POST " + data + "/sobjects/Account"});
    const Seen read = {"GET " + data + "/sobjects/Account/001000000000001",
                       "GET " + data + "/sobjects/Account/001000000000002"};
    CHECK(carried("/composite/sobjects/Account?ids=001000000000001,001000000000002&fields=Id", "",
                  "GET") == read);
    CHECK(carried("/composite/sobjects/Account",
                  R"({"ids": ["001000000000001", "001000000000002"], "fields": ["Id"]})") == read);
    CHECK(carried("/composite/tree/Account", R"({"records": [
                  {"attributes": {"type": "Account", "referenceId": "1"}, "Owner": {"Code__c": "x"},
                   "Contacts": {"records": [{"attributes": {"type": "Contact"},
                                             "Cases": {"records": [{"attributes": {"type": "Case"}}]}
                                            }]}}]})") == Seen{"POST " + data + "/sobjects/Account",
                                                              "POST " + data + "/sobjects/Contact",
                                                              "POST " + data + "/sobjects/Case"});
}

TEST_CASE("a collection within a composite request counts as its records, and as itself") {
    const auto inner = R"(, "body": {"records": [{"attributes": {"type": "Contact"},
                                                  "id": "@{old.id}"}]})";
    CHECK(carried("/composite",
                  composite(call("GET", data + "/sobjects/Contact/003000000000001", "old") + "," +
                            call("PATCH", data + "/composite/sobjects", "all", inner))) ==
          Seen{"GET " + data + "/sobjects/Contact/003000000000001",
               "*PATCH " + data + "/composite/sobjects",
               "PATCH " + data + "/sobjects/Contact/003000000000001"});
    CHECK(carried("/composite/batch", R"({"batchRequests": [{"method": "POST",
                  "url": "v62.0/composite/tree/Case", "richInput":
                  {"records": [{"attributes": {"type": "Case"}}]}}]})") ==
          Seen{"*POST " + data + "/composite/tree/Case", "POST " + data + "/sobjects/Case"});
    // What does not say what it does is a call like another, for which a rule has to exist.
    CHECK(
        carried("/composite", composite(call("DELETE", data + "/composite/sobjects?ids=1", "d"))) ==
        Seen{"DELETE " + data + "/composite/sobjects?ids=1"});
    for (const char* path : {"/composite", "/composite/batch", "/composite/graph"})
        CHECK(refused(carried("/composite", composite(call("POST", data + path, "x"))), "itself"));
}

TEST_CASE("what two readers could take in two ways is refused") {
    const auto one = call("GET", data, "a");
    for (const auto& body : std::vector<std::string>{
             "",
             "[]",
             "7",
             "{",
             composite(one) + "x",
             composite(""),
             composite("7"),
             R"({"compositeRequest": [], "compositeRequest": [)" + one + "]}",
             R"({"CompositeRequest": [)" + one + "]}",
             R"({"compositeRequest": [)" + one + R"(], "graphs": []})",
             R"({"compositeRequest": {"0": )" + one + "}}",
             composite(one + "," + one),
             composite(one + "," + call("GET", data, "A")),
             composite(
                 call("GET", data, "a", R"(, "url": "/services/data/v62.0/sobjects/Contact")")),
             composite(call("GET", data, "a", R"(, "\u0075rl": "/x")")),
             composite(call("GET", data, "a", R"(, "Method": "DELETE")")),
             composite(call("GET", data, "a", R"(, "richInput": {})")),
             composite(call("GET", data, "a", R"(, "httpHeaders": {"X-HTTP-Method": "DELETE"})")),
             composite(call("GET", data, "a", R"(, "httpHeaders": "x")")),
             composite(call("GET", data + "?_HttpMethod=DELETE", "a")),
             composite(call("GET", data, "a[0]")),
             composite(call("GET", data, "")),
             composite(call("GET", data + "/query%3Fq=SELECT+Id+FROM+User", "a")),
             composite(call("POST", data + "/sobjects/Account/1%3f_HttpMethod=DELETE", "a")),
             composite(call("GET", data + "/a%26b", "a")),
             composite(call("GET", data + "/a%25", "a")),
             composite(call("PURGE", data, "a")),
             composite(call("GET", data + "/%", "a")),
             composite(R"({"method": "GET", "url": "/services/data"})"),
             composite(R"({"method": 7, "url": "/services/data", "referenceId": "a"})"),
             "{\"compositeRequest\": [" + call("GET", data + "/\xff", "a") + "]}"}) {
        CAPTURE(body);
        CHECK(refused(carried("/composite", body)));
    }
    for (const char* url : {"service/data/v62.0", "https://x/services/data", "V62.0", "x", ""})
        CHECK(
            refused(carried("/composite/batch", R"({"batchRequests": [{"method": "GET", "url": ")" +
                                                    std::string{url} + "\"}]}")));
}

TEST_CASE("records that do not say what they are, or say it twice, are refused") {
    const auto with = [](const std::string& record) { return "{\"records\": [" + record + "]}"; };
    for (const auto& record : std::vector<std::string>{
             "7", "{}", R"({"attributes": {}})", R"({"attributes": {"type": "Acc/ount"}})",
             R"({"attributes": {"type": "@{a.id}"}})", R"({"attributes": {"type": 7}})",
             R"({"attributes": {"type": "Account", "Type": "Contact"}})",
             R"({"attributes": {"Type": "Account"}})", R"({"Attributes": {"type": "Account"}})",
             R"({"attributes": {"type": "Account"}, "Attributes": {"type": "Contact"}})"}) {
        CAPTURE(record);
        CHECK(refused(carried("/composite/sobjects", with(record))));
        CHECK(refused(carried("/composite/tree/Account", with(record))));
    }
    const std::string account = R"({"attributes": {"type": "Account"})";
    for (const char* more :
         {"}", R"(, "id": "1"})", R"(, "id": "../000000000001"})", R"(, "id": 7})",
          R"(, "id": "001000000000001", "Id": "001000000000002"})"}) {
        CAPTURE(more);
        CHECK(refused(carried("/composite/sobjects", with(account + more), "PATCH")));
    }
    const auto upsert = [&](const std::string& record) {
        return carried("/composite/sobjects/Contact/Code__c", with(record), "PATCH");
    };
    CHECK(refused(upsert(account + "}")));
    CHECK(refused(upsert(R"({"attributes": {"type": "Contact"}, "Code__c": 1, "code__C": 2})")));
    CHECK(refused(upsert(R"({"attributes": {"type": "Contact"}, "Code__c": "@{a.id}"})")));
    CHECK(refused(
        carried("/composite/tree/Account", with(account + R"(, "Contacts": {"records": 7}})"))));
    for (const char* below : {R"({"records": [], "Records": []})", R"({"Records": []})"})
        CHECK(refused(
            carried("/composite/tree/Account", with(account + R"(, "Contacts": )" + below + "}"))));
    CHECK(refused(carried("/composite/sobjects/Account?ids=1", "", "GET")));
    CHECK(refused(carried("/composite/sobjects/Account", "", "GET")));
    const auto other = R"({"ids": ["001000000000002"]})";
    CHECK(refused(carried("/composite/sobjects/Account?ids=001000000000001", other, "GET")));
    CHECK(refused(carried("/composite/sobjects/Account?ids=001000000000001", other)));
    CHECK(refused(carried("/composite/sobjects/Account", R"({"ids": [7]})")));
}

TEST_CASE("a call says which of those in the body it stands for, or which record") {
    const auto places = [](const std::string& path, const std::string& body) {
        const auto carrier = carrier_of("POST", split_path(data + path)).value();
        std::string seen;
        for (const auto& one : carried_calls(carrier, "POST", "", body).value())
            seen += std::to_string(one.place) + " ";
        return seen;
    };
    const std::string two = R"({"records": [{"attributes": {"type": "Case"}},
                                            {"attributes": {"type": "Task"}}]})";
    CHECK(places("/composite/sobjects", two) == "1 2 ");
    CHECK(places("/composite/batch",
                 R"({"batchRequests": [{"method": "POST",
                 "url": "v62.0/composite/sobjects", "richInput": )" +
                     two + R"(}, {"method": "GET", "url": "v62.0/limits"}]})") == "1 1 1 2 ");
    CHECK(places("/composite/tree/Case",
                 R"({"records": [{"attributes": {"type": "Case"}, "Tasks": )" + two +
                     R"(}, {"attributes": {"type": "Case"}, "Events": {"records": [{"attributes":
                     {"type": "Event"}}]}}]})") == "1 1 2 ");
}

TEST_CASE("what is read of a composite request has bounds") {
    CHECK(refused(carried("/composite", std::string(most_carried_bytes + 1, ' ')), "1 MiB"));
    std::string ids = "\"001000000000000\"";
    for (int i = 1; i < 2000; ++i) {
        const auto digits = std::to_string(i);
        ids += ",\"001" + std::string(12 - digits.size(), '0') + digits + "\"";
    }
    const auto read = [](const std::string& list) {
        return carried("/composite/sobjects/Account", "{\"ids\": [" + list + "]}");
    };
    CHECK(read(ids).size() == 2000);
    CHECK(read(ids + ",\"001000000000000\"").size() == 2000);
    CHECK(refused(read(ids + ",\"001000000009999\""), "2,000"));
    std::string calls;
    for (int i = 0; i < 135; ++i)
        calls += (i > 0 ? "," : "") + call("GET",
                                           data + "/" + std::to_string(i) + std::string(2000, 'x'),
                                           "c" + std::to_string(i));
    CHECK(refused(carried("/composite", composite(calls)), "256 KiB in all"));
    std::string deep = R"({"records": []})";
    for (int level = 0; level < 6; ++level)
        deep = R"({"records": [{"attributes": {"type": "Case"}, "Cases": )" + deep + "}]}";
    CHECK(refused(carried("/composite/tree/Case", deep), "five"));
    CHECK(refused(carried("/composite", std::string(100'000, '['))));
    // A name of a megabyte is no more work than its length.
    std::string name;
    for (int i = 0; i < 500'000; ++i) name += "\u017f";
    CHECK(carried("/composite/sobjects",
                  R"({"records": [{"attributes": {"type": "Case"}, ")" + name + "\": 1}]}") ==
          Seen{"POST " + data + "/sobjects/Case"});
}
