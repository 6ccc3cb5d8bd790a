#include <latchkey/key_rules.h>

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

std::string refusal(const Result<void>& checked) {
    return checked.has_value() ? "" : checked.error().code;
}

}  // namespace

TEST_CASE("a rule is read as it is written, and back") {
    const auto rule = path_rule_of("allow GET,POST /services/data/*/query*").value();
    CHECK(rule.allows);
    CHECK(rule.methods == std::vector<std::string>{"GET", "POST"});
    CHECK(rule.path == "/services/data/*/query*");
    for (const char* text : {"allow GET,POST /services/data/*/query*", "deny /**",
                             "deny DELETE /**/Contact/**", "allow /services/apexrest/orders"})
        CHECK(path_rule_of(text)->text() == text);
    CHECK(path_rule_of("  allow   GET  /services/data/ ")->text() == "allow GET /services/data");
}

TEST_CASE("a rule that could mean something else than was meant is refused") {
    for (const char* text : {"",
                             "allow",
                             "allow GET",
                             "/services/data",
                             "permit /services/data",
                             "Allow /services/x",
                             "allow get /services/x",
                             "allow HEAD /services/x",
                             "allow GET, /services/x",
                             "allow GET POST /services/x",
                             "allow /services/x y",
                             "allow /query",
                             "allow /services/",
                             "allow /services/x//",
                             "allow /*",
                             "allow services/data",
                             "allow /services//x",
                             "allow /services/../x",
                             "allow /services/./x",
                             "allow /services/a**",
                             "allow /services/%41",
                             "allow /services/x?y",
                             "allow /services/x#y",
                             "allow /services/x;y",
                             "allow /services/\\x",
                             "allow /services/\xc3\xa4",
                             "allow /services/\tx",
                             "allow /Services/data",
                             "allow \"/**\""}) {
        CAPTURE(text);
        const auto rule = path_rule_of(text);
        CHECK_FALSE(rule.has_value());
        if (rule.has_error()) CHECK(rule.error().code == "invalid_rule");
    }
    CHECK_FALSE(path_rule_of("allow /services/" + std::string(300, 'a')).has_value());
}

TEST_CASE("rules have to allow something, and limits their bounds") {
    CHECK(refusal(check_rules(KeyRules{})).empty());
    CHECK(refusal(check_rules(sample())).empty());
    auto rules = sample();
    rules.paths.pop_back();
    CHECK(refusal(check_rules(rules)) == "invalid_rule");
    rules = sample();
    while (rules.paths.size() <= 64) rules.paths.push_back(rules.paths.back());
    CHECK(refusal(check_rules(rules)) == "invalid_rule");
    rules = sample();
    rules.paths.front().path = "/x";
    CHECK(refusal(check_rules(rules)) == "invalid_rule");
    for (auto limit : {&KeyLimits::rate, &KeyLimits::burst, &KeyLimits::concurrency})
        for (const std::int64_t value : {std::int64_t{-1}, std::int64_t{1'000'001}}) {
            rules = sample();
            rules.limits.*limit = value;
            CHECK(refusal(check_rules(rules)) == "invalid_key_limit");
        }
    rules = sample();
    rules.limits.rate = 0;
    CHECK(refusal(check_rules(rules)) == "invalid_key_limit");
}
