#include "access/path_judge.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"

namespace latchkey {
namespace {

/// A bit each, and one for what a query may name beside them.
constexpr std::array<std::string_view, 5> methods = {"GET", "POST", "PUT", "PATCH", "DELETE"};
constexpr unsigned other_method = 1u << methods.size();
constexpr unsigned every_method = (other_method << 1u) - 1u;

/// No path of Salesforce's is as long, and the time that a rule takes grows with it.
constexpr std::size_t longest_path = 2048;
constexpr std::size_t most_overrides = 16;

unsigned bit_of(std::string_view method) {
    if (ascii_iequal(method, "HEAD")) return 1u;
    for (std::size_t i = 0; i < methods.size(); ++i)
        if (ascii_iequal(method, methods[i])) return 1u << i;
    return other_method;
}

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    if (path.ends_with('/')) path.remove_suffix(1);
    while (!path.empty()) {
        path.remove_prefix(1);
        const auto end = std::min(path.find('/'), path.size());
        segments.emplace_back(path.substr(0, end));
        path.remove_prefix(end);
    }
    return segments;
}

/// Whether text fits a pattern in which only `*` stands for something. Of several stars only the last
/// one passed is ever moved on, for what fits behind an earlier one fits behind a later one as well.
bool segment_fits(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::optional<std::size_t> star;
    std::size_t star_text = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star) {
            p = *star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

/// The methods that a call counts as, a bit each; nullopt if its query does not say clearly.
std::optional<unsigned> methods_of(std::string_view method, std::string_view query) {
    unsigned named = 0;
    std::size_t overrides = 0;
    while (!query.empty()) {
        const auto field = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(field.size() + 1, query.size()));
        const auto equals = std::min(field.find('='), field.size());
        const auto name = percent_decode(field.substr(0, equals), true);
        if (!name) return std::nullopt;
        if (!ascii_iequal(*name, "_HttpMethod")) continue;
        const auto value = percent_decode(field.substr(std::min(equals + 1, field.size())), true);
        if (!value || ++overrides > most_overrides) return std::nullopt;
        named |= bit_of(*value);
    }
    if (named == 0) return bit_of(method);
    // Salesforce reads it of a POST. Of another method it may, or may not.
    return method == "POST" ? named : named | bit_of(method);
}

Error denied(const char* why) {
    return {Fault::denied, "denied_by_rule", why};
}

}  // namespace

/// A call's path in the ways in which rules read it.
struct PathJudge::Path {
    std::vector<std::string> exact;
    std::vector<std::string> lower;
    std::vector<std::string> bare;  ///< the same without ".json" or ".xml" at its end
    bool composite = false;
};

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments) {
    std::size_t p = 0;
    std::size_t s = 0;
    std::optional<std::size_t> stars;
    std::size_t stars_segment = 0;
    while (s < segments.size()) {
        if (p < pattern.size() && pattern[p] == "**") {
            stars = p++;
            stars_segment = s;
        } else if (p < pattern.size() && segment_fits(pattern[p], segments[s])) {
            ++p;
            ++s;
        } else if (stars) {
            p = *stars + 1;
            s = ++stars_segment;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == "**") ++p;
    return p == pattern.size();
}

PathJudge::PathJudge(const std::vector<PathRule>& rules) {
    for (const auto& given : rules) {
        Rule rule;
        rule.allows = given.allows;
        for (const auto& method : given.methods) rule.methods |= bit_of(method);
        if (given.methods.empty()) rule.methods = every_method;
        rule.segments = split(given.allows ? given.path : ascii_lower(given.path));
        rule.names_composite = std::any_of(
            rule.segments.begin(), rule.segments.end(),
            [](const std::string& segment) { return ascii_iequal(segment, "composite"); });
        rules_.push_back(std::move(rule));
    }
}

Result<void> PathJudge::judge(std::string_view method, std::string_view target) const {
    const auto mark = std::min(target.find('?'), target.size());
    if (mark > longest_path)
        return denied("The rules of this API key know no path of more than 2,048 bytes.");
    const auto decoded = percent_decode(target.substr(0, mark));
    const auto counts_as = methods_of(method, target.substr(std::min(mark + 1, target.size())));
    if (!decoded || !counts_as)
        return denied("The rules of this API key cannot be tried on this path and query.");
    Path path;
    path.exact = split(*decoded);
    path.lower = split(ascii_lower(*decoded));
    path.bare = path.lower;
    if (!path.bare.empty()) {
        auto& last = path.bare.back();
        const bool json = last.ends_with(".json");
        if (json || last.ends_with(".xml")) last.resize(last.size() - (json ? 5 : 4));
    }
    path.composite = std::find(path.bare.begin(), path.bare.end(), "composite") != path.bare.end();
    const auto all_allowed = [&] {
        bool all = true;
        for (unsigned bit = 1; bit < every_method; bit <<= 1u)
            all = all && ((*counts_as & bit) == 0 || allowed(bit, path));
        return all;
    };
    if (all_allowed()) return {};
    // Only whom nothing else stands in the way is told what would help.
    if (std::exchange(path.composite, false) && all_allowed())
        return denied(
            "A composite request carries calls that the rules of this API key are not tried on. A "
            "rule such as \"allow POST /services/data/*/composite\" must name it.");
    return denied("The rules of this API key do not allow this method and path.");
}

bool PathJudge::allowed(unsigned method, const Path& path) const {
    for (const auto& rule : rules_) {
        if ((rule.methods & method) == 0) continue;
        if (rule.allows && path.composite && !rule.names_composite) continue;
        const bool fitting =
            rule.allows ? fits(rule.segments, path.exact)
                        : fits(rule.segments, path.lower) || fits(rule.segments, path.bare);
        if (fitting) return rule.allows;
    }
    return false;
}

}  // namespace latchkey
