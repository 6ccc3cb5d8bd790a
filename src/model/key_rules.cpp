#include <latchkey/key_rules.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"

namespace latchkey {
namespace {

constexpr std::array<std::pair<Priority, const char*>, 3> priorities{{
    {Priority::high, "high"},
    {Priority::normal, "normal"},
    {Priority::low, "low"},
}};
constexpr std::array<std::string_view, 5> methods = {"GET", "POST", "PUT", "PATCH", "DELETE"};

constexpr std::size_t longest_rule = 256;
constexpr std::size_t most_rules = 64;
constexpr std::int64_t most_rate = 1'000'000;
constexpr std::int64_t most_concurrency = 100'000;

Error invalid_rule(std::string_view rule, const char* why) {
    return {Fault::bad_input, "invalid_rule",
            "The rule \"" + printable(rule, longest_rule) + "\" cannot be used: " + why +
                " A rule reads \"allow GET,POST /services/data/*/query*\"."};
}

/// Why a pattern is none; nullptr if it is one.
const char* wrong_pattern(std::string_view path) {
    const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
        return c > 0x20 && c < 0x7f &&
               std::string_view{"%?#;\\\""}.find(c) == std::string_view::npos;
    });
    if (!plain) return "a pattern is a plain path, written decoded and without a query.";
    if (path != "/**" && !path.starts_with("/**/") && !path.starts_with("/services/"))
        return "its pattern must begin with /services/, or with /** for every path.";
    auto rest = path.substr(1);
    for (;;) {
        const auto slash = rest.find('/');
        const auto segment = rest.substr(0, slash);
        if (segment == "." || segment == "..") return "its pattern steps through dots.";
        if (segment != "**" && segment.find("**") != std::string_view::npos)
            return "** stands for whole segments, so it must be one alone.";
        if (segment.empty()) return "its pattern has an empty segment.";
        if (slash == std::string_view::npos) return nullptr;
        rest.remove_prefix(slash + 1);
    }
}

std::optional<std::vector<std::string>> methods_in(std::string_view list) {
    std::vector<std::string> found;
    for (;;) {
        const auto comma = list.find(',');
        const auto word = list.substr(0, comma);
        if (std::find(methods.begin(), methods.end(), word) == methods.end()) return std::nullopt;
        found.emplace_back(word);
        if (comma == std::string_view::npos) return found;
        list.remove_prefix(comma + 1);
    }
}

/// The next word of `text`, which loses it; empty at the end.
std::string_view next_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    return word;
}

Result<void> check_limit(const char* what, std::int64_t value, std::int64_t most) {
    if (value >= 0 && value <= most) return {};
    return Error{Fault::bad_input, "invalid_key_limit",
                 std::string{"The limit "} + what + " is a whole number from 1 to " +
                     std::to_string(most) + "; 0 is none."};
}

}  // namespace

const char* name(Priority priority) noexcept {
    for (const auto& [value, text] : priorities)
        if (value == priority) return text;
    return "normal";
}

Result<Priority> priority_of(std::string_view word) {
    for (const auto& [value, text] : priorities)
        if (word == text) return value;
    return Error{Fault::bad_input, "invalid_priority",
                 "There is no such priority. Use high, normal or low."};
}

std::string PathRule::text() const {
    std::string out = allows ? "allow " : "deny ";
    for (const auto& method : methods) out += method + (&method == &methods.back() ? " " : ",");
    return out + path;
}

Result<PathRule> path_rule_of(std::string_view text) {
    if (text.size() > longest_rule) return invalid_rule(text, "it has more than 256 bytes.");
    auto rest = text;
    const auto verb = next_word(rest);
    if (verb != "allow" && verb != "deny")
        return invalid_rule(text, "its first word is neither allow nor deny.");
    PathRule rule;
    rule.allows = verb == "allow";
    auto path = next_word(rest);
    if (!path.starts_with('/')) {
        auto listed = methods_in(path);
        if (!listed)
            return invalid_rule(text,
                                "methods are GET, POST, PUT, PATCH and DELETE, with commas between "
                                "them; GET stands for HEAD too.");
        rule.methods = std::move(*listed);
        path = next_word(rest);
    }
    if (path.empty()) return invalid_rule(text, "it names no path.");
    if (!next_word(rest).empty()) return invalid_rule(text, "something follows its path.");
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    if (const auto* why = wrong_pattern(path)) return invalid_rule(text, why);
    rule.path = path;
    return rule;
}

Result<void> check_rules(const KeyRules& rules) {
    if (rules.paths.size() > most_rules)
        return Error{Fault::bad_input, "invalid_rule",
                     "A key has at most 64 rules. Join some with * and **."};
    bool allows = rules.paths.empty();
    for (const auto& rule : rules.paths) {
        auto again = path_rule_of(rule.text());
        if (!again) return again.error();
        allows = allows || rule.allows;
    }
    if (!allows)
        return Error{Fault::bad_input, "invalid_rule",
                     "No rule allows anything, and what no rule fits is refused. Add a last rule, "
                     "such as \"allow /**\"."};
    for (const auto& [what, value, most] :
         {std::tuple{"rate", rules.limits.rate, most_rate},
          std::tuple{"burst", rules.limits.burst, most_rate},
          std::tuple{"concurrency", rules.limits.concurrency, most_concurrency}}) {
        auto good = check_limit(what, value, most);
        if (!good) return good;
    }
    if (rules.limits.burst > 0 && rules.limits.rate == 0)
        return Error{Fault::bad_input, "invalid_key_limit",
                     "A burst is how many calls of a rate may come at once. Give a rate too."};
    return {};
}

}  // namespace latchkey
