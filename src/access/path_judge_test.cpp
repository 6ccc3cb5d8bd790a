#include "access/path_judge.h"

#include <doctest/doctest.h>

using namespace latchkey;

namespace {

PathJudge judge_of(std::initializer_list<const char*> rules) {
    std::vector<PathRule> made;
    for (const auto* text : rules) made.push_back(path_rule_of(text).value());
    return PathJudge{made};
}

bool lets(const PathJudge& judge, std::string_view method, std::string_view target) {
    const auto verdict = judge.judge(method, target);
    if (verdict) return true;
    CHECK(verdict.error().code == "denied_by_rule");
    CHECK(verdict.error().fault == Fault::denied);
    return false;
}

const std::string data = "/services/data/v62.0";

}  // namespace

TEST_CASE(
    "a key with rules may do what its first fitting rule allows, and nothing that none fits") {
    const auto judge = judge_of({"deny DELETE /**", "allow GET /services/data/*/query*",
                                 "allow /services/data/*/sobjects/Account/**"});
    CHECK(lets(judge, "GET", data + "/query?q=SELECT+Id+FROM+Account"));
    CHECK(lets(judge, "GET", data + "/queryAll"));
    CHECK_FALSE(lets(judge, "POST", data + "/query"));
    CHECK_FALSE(lets(judge, "GET", data + "/query/01g000000000001-2000"));
    CHECK_FALSE(lets(judge, "GET", data + "/search"));
    CHECK(lets(judge, "PATCH", data + "/sobjects/Account/001000000000001"));
    CHECK_FALSE(lets(judge, "DELETE", data + "/sobjects/Account/001000000000001"));
    CHECK_FALSE(lets(judge, "GET", data + "/sobjects/Contact"));
    CHECK_FALSE(lets(judge_of({"deny /**", "allow /**"}), "GET", data));
}

TEST_CASE("one star stays within a segment, two are any number of segments") {
    CHECK(fits({"a", "*", "c"}, {"a", "b", "c"}));
    CHECK_FALSE(fits({"a", "*", "c"}, {"a", "b", "b", "c"}));
    CHECK_FALSE(fits({"a", "*"}, {"a"}));
    CHECK(fits({"a", "**"}, {"a"}));
    CHECK(fits({"a", "**"}, {"a", "b", "c"}));
    CHECK(fits({"**"}, {}));
    CHECK(fits({"**", "c"}, {"c"}));
    CHECK(fits({"a", "**", "c", "**", "e"}, {"a", "c", "d", "c", "e"}));
    CHECK_FALSE(fits({"a", "**", "c"}, {"a", "c", "d"}));
    CHECK(fits({"q*ry*"}, {"queryAll"}));
    CHECK(fits({"*a*b"}, {"xaybab"}));
    CHECK_FALSE(fits({"*a*b"}, {"xbya"}));
    CHECK_FALSE(fits({"query*"}, {"quer"}));
}

TEST_CASE(
    "H3: percent-encoded spellings of a path, a slash at its end and its query change no verdict") {
    const auto judge = judge_of({"deny /services/data/*/sobjects/My_Thing__c/**", "allow /**"});
    CHECK_FALSE(lets(judge, "GET", data + "/sobjects/My_Thing__c"));
    CHECK_FALSE(lets(judge, "GET", data + "/sobjects/My%5fThing__c"));
    CHECK_FALSE(lets(judge, "GET", data + "/sobjects/My%5FThing%5f_c/"));
    CHECK_FALSE(lets(judge, "GET", data + "/sobjects/My_Thing__c/?x=/sobjects/Account"));
    CHECK(lets(judge, "GET", data + "/sobjects/Account?x=/sobjects/My_Thing__c"));
    CHECK_FALSE(lets(judge, "GET", data + "/sobjects/Account%"));
}

TEST_CASE("a deny rule minds neither case nor an ending of a format, an allow rule minds both") {
    const auto deny = judge_of({"deny /services/data/*/Query", "allow /**"});
    CHECK_FALSE(lets(deny, "GET", data + "/query"));
    CHECK_FALSE(lets(deny, "GET", data + "/query/"));
    CHECK_FALSE(lets(deny, "GET", data + "/query.json/"));
    CHECK_FALSE(lets(deny, "GET", "/services/DATA/v62.0/QUERY"));
    CHECK_FALSE(lets(deny, "GET", data + "/query.json?q=x"));
    CHECK_FALSE(lets(deny, "GET", data + "/query.XML"));
    CHECK(lets(deny, "GET", data + "/query.csv"));
    CHECK_FALSE(lets(judge_of({"deny /**/query.json", "allow /**"}), "GET", data + "/query.json"));
    const auto allow = judge_of({"allow /services/data/*/sobjects/Account/001a00000000001"});
    CHECK(lets(allow, "GET", data + "/sobjects/Account/001a00000000001"));
    CHECK_FALSE(lets(allow, "GET", data + "/sobjects/Account/001A00000000001"));
    CHECK_FALSE(lets(allow, "GET", data + "/sobjects/Account/001a00000000001.json"));
}

TEST_CASE("HEAD counts as GET, and _HttpMethod as the method that it stands for") {
    const auto judge = judge_of({"allow GET,POST /**"});
    CHECK(lets(judge, "HEAD", data));
    CHECK(lets(judge, "POST", data));
    CHECK_FALSE(lets(judge, "DELETE", data));
    for (const char* query :
         {"?_HttpMethod=DELETE", "?a=b&_HttpMethod=DELETE", "?_httpmethod=delete",
          "?%5fHttpMethod=PATCH", "?_HttpMethod=%50ATCH", "?_HttpMethod=GET&_HttpMethod=PATCH",
          "?_HttpMethod=", "?_HttpMethod", "?_HttpMethod=PURGE"}) {
        CAPTURE(query);
        CHECK_FALSE(lets(judge, "POST", data + query));
        CHECK_FALSE(lets(judge, "GET", data + query));
    }
    CHECK(lets(judge, "POST", data + "?_HttpMethod=GET"));
    // What Salesforce makes of it on another method is not known, so both have to be allowed.
    const auto patch = judge_of({"allow PATCH /**"});
    CHECK(lets(patch, "POST", data + "?_HttpMethod=PATCH"));
    CHECK_FALSE(lets(patch, "PUT", data + "?_HttpMethod=PATCH"));
    CHECK_FALSE(lets(patch, "PATCH", data + "?_HttpMethod=DELETE"));
    CHECK_FALSE(lets(patch, "PATCH", data + "?%zz=1"));
}

TEST_CASE("a composite request passes if what it carries does, unless a rule denies its own path") {
    const auto narrow = judge_of({"allow GET /services/data/*/sobjects/Account/**"});
    for (const char* path :
         {"/composite", "/composite/batch", "/composite/graph", "/composite/tree/Account",
          "/composite/sobjects", "/composite/sobjects/Account", "/tooling/composite", "/Composite",
          "/composite.json", "/composite/sobjects.XML"}) {
        CAPTURE(path);
        const auto judged = narrow.judge("POST", data + path);
        REQUIRE(judged.has_value());
        CHECK(judged->carrier.has_value());
        CHECK(judged->method == "POST");
        CHECK_FALSE(
            lets(judge_of({"deny POST /services/data/**", "allow /**"}), "POST", data + path));
    }
    CHECK_FALSE(narrow.judge("GET", data + "/sobjects/Account").value().carrier.has_value());
    // Which object it is, and whether it is changed or read, is in the path and in the method.
    const auto upsert = narrow.judge("PATCH", data + "/composite/sobjects/Account/Code__c").value();
    CHECK(upsert.carrier->kind == Carrier::Kind::upserted);
    CHECK(upsert.carrier->base == data);
    CHECK(upsert.carrier->object == "Account");
    CHECK(upsert.carrier->field == "Code__c");
    const auto posted =
        narrow.judge("POST", data + "/composite/sobjects?_HttpMethod=PATCH").value();
    CHECK(posted.carrier->kind == Carrier::Kind::records);
    CHECK(posted.method == "PATCH");
    CHECK(lets(judge_of({"allow GET /**"}), "HEAD", data + "/composite/sobjects/Account?ids=1"));
}

TEST_CASE("a composite request that does not say what it does passes only a rule that names it") {
    const auto wide = judge_of({"allow /**"});
    const auto named = judge_of({"allow DELETE /services/data/*/composite/sobjects"});
    CHECK_FALSE(lets(wide, "DELETE", data + "/composite/sobjects?ids=001000000000001"));
    CHECK(lets(named, "DELETE", data + "/composite/sobjects?ids=001000000000001"));
    CHECK(lets(named, "POST", data + "/composite/sobjects?ids=001000000000001&_HttpMethod=DELETE"));
    const auto refused = wide.judge("DELETE", data + "/composite/sobjects");
    CHECK(refused.error().message.find("has to write out \"composite\"") != std::string::npos);
    for (const char* path :
         {"/composite/other", "/connect/composite", "/composite/tree/Account/x",
          "/composite/sobjects/Acc%20ount", "/sobjects/Account/Code__c/composite"}) {
        CAPTURE(path);
        CHECK_FALSE(lets(wide, "POST", data + path));
    }
    CHECK_FALSE(lets(wide, "POST", "/services/apexrest/composite"));
    CHECK_FALSE(lets(wide, "PUT", data + "/composite"));
    CHECK_FALSE(lets(wide, "PATCH", data + "/composite/sobjects?_HttpMethod=DELETE"));
    CHECK(lets(wide, "POST", data + "/sobjects/composite__c"));
    CHECK(lets(judge_of({"allow /services/data/*/composite/**"}), "GET", data + "/composite"));
    CHECK_FALSE(lets(judge_of({"deny /**/composite/**", "allow /services/data/*/composite"}), "GET",
                     data + "/composite"));
}

TEST_CASE("other calls that stand for calls pass only rules that write their names out") {
    const auto wide = judge_of({"allow /**"});
    for (const char* path :
         {"/connect/batch", "/Connect/Batch.json", "/connect/communities/0DB000000000001/batch",
          "/ui-api/aggregate-ui", "/compo%C5%BFite", "/UI-API/aggregate-u%C4%B1"}) {
        CAPTURE(path);
        CHECK_FALSE(lets(wide, "POST", data + path));
    }
    CHECK(lets(wide, "GET", data + "/ui-api/records/batch/001000000000001"));
    CHECK(lets(judge_of({"allow POST /services/data/*/connect/batch"}), "POST",
               data + "/connect/batch"));
    CHECK_FALSE(
        lets(judge_of({"allow POST /services/data/*/connect/*"}), "POST", data + "/connect/batch"));
}

TEST_CASE("H3: a deny rule knows the letters that Java takes for others when it minds no case") {
    const auto judge = judge_of({"deny /services/data/*/sobjects/Task/**", "allow /**"});
    CHECK_FALSE(lets(judge, "GET", data + "/sobjects/Tas%E2%84%AA/00T000000000001"));
    CHECK_FALSE(lets(judge, "GET", data + "/sobjects/Ta%C5%BFk"));
    CHECK(lets(judge, "GET", data + "/sobjects/Ta%C3%9Fk"));
    CHECK_FALSE(lets(judge_of({"deny /**/limits", "allow /**"}), "GET", data + "/l%C4%B0mits"));
}

TEST_CASE("a path that no rule was written for is refused before any is tried") {
    const auto judge = judge_of({"allow /**"});
    CHECK(lets(judge, "GET", "/services/" + std::string(2038, 'a')));
    CHECK_FALSE(lets(judge, "GET", "/services/" + std::string(2039, 'a')));
    CHECK(lets(judge, "GET", data + "/query?q=" + std::string(10'000, 'a')));
}
