#include "access/stored_rules.h"

#include <doctest/doctest.h>

using namespace latchkey;

namespace {

KeyRules sample() {
    KeyRules rules;
    for (const auto* text : {"deny DELETE /**", "allow GET,POST /services/data/*/query*"})
        rules.paths.push_back(path_rule_of(text).value());
    rules.limits.rate = 50;
    rules.limits.burst = 100;
    rules.limits.concurrency = 20;
    rules.priority = Priority::low;
    return rules;
}

}  // namespace

TEST_CASE("stored rules come back as they were, and none are nothing at all") {
    CHECK(print_rules(KeyRules{}).empty());
    CHECK(parse_rules("").value().none());
    CHECK(print_rules(sample()) ==
          R"({"v":1,"paths":["deny DELETE /**","allow GET,POST /services/data/*/query*"],)"
          R"("rate":50,"burst":100,"concurrency":20,"priority":"low"})");
    CHECK(parse_rules(print_rules(sample())).value() == sample());
    KeyRules high;
    high.priority = Priority::high;
    CHECK(parse_rules(print_rules(high)).value() == high);
}

TEST_CASE("stored rules that this version cannot read whole are no rules") {
    for (const char* text :
         {" ", "{}", "[]", "null", "{\"v\":2}", "{\"v\":\"1\"}", "{\"v\":1,\"more\":1}",
          "{\"v\":1,\"rate\":\"1\"}", "{\"v\":1,\"rate\":1.5}", "{\"v\":1,\"rate\":-1}",
          "{\"v\":1,\"paths\":\"allow /**\"}", "{\"v\":1,\"paths\":[\"allow /x\"]}",
          "{\"v\":1,\"paths\":[1]}", "{\"v\":1,\"paths\":[\"deny /**\"]}",
          "{\"v\":1,\"priority\":\"highest\"}", "{\"v\":1,\"burst\":5}", "{\"v\":1}x",
          "{\"v\":1"}) {
        CAPTURE(text);
        const auto rules = parse_rules(text);
        CHECK_FALSE(rules.has_value());
        if (rules.has_error()) CHECK(rules.error().code == "key_rules_unreadable");
    }
}
