#include "access/path_judge.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "access/call_method.h"
#include "access/call_path.h"
#include "access/carrier.h"
#include "base/text.h"

namespace latchkey {
namespace {

/// No path of Salesforce's is as long, and the time that a rule takes grows with it.
constexpr std::size_t longest_path = 2048;

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

constexpr const char* not_allowed = "The rules of this API key do not allow this method and path.";
constexpr const char* obscure_not_allowed =
    "What this composite request does cannot be tried on the rules of this API key, so a rule has "
    "to "
    "name it, such as \"allow DELETE /services/data/*/composite/sobjects\".";

Error denied(const char* why) {
    return {Fault::denied, "denied_by_rule", why};
}

}  // namespace

/// A call's path in the ways in which rules read it.
struct PathJudge::Path {
    std::vector<std::string> exact;
    std::vector<std::string> lower;
    std::vector<std::string> bare;  ///< the same without ".json" or ".xml" at its end
    bool obscure = false;           ///< a composite one that does not say what it does
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
        for (const auto& method : given.methods) rule.methods |= method_bit(method);
        if (given.methods.empty()) rule.methods = every_method;
        rule.segments = split_path(given.allows ? given.path : ascii_lower(given.path));
        rule.names_composite = names_composite(rule.segments);
        rules_.push_back(std::move(rule));
    }
}

Result<Judged> PathJudge::judge(std::string_view method, std::string_view target) const {
    const auto mark = std::min(target.find('?'), target.size());
    if (mark > longest_path)
        return denied("The rules of this API key know no path of more than 2,048 bytes.");
    const auto decoded = percent_decode(target.substr(0, mark));
    const auto counts_as = methods_of(method, target.substr(std::min(mark + 1, target.size())));
    if (!decoded || !counts_as)
        return denied("The rules of this API key cannot be tried on this path and query.");
    Path path;
    path.exact = split_path(*decoded);
    path.lower = split_path(ascii_lower(*decoded));
    path.bare = path.lower;
    if (!path.bare.empty()) path.bare.back() = std::string{without_format(path.lower.back())};
    const bool composite = names_composite(path.bare);
    const auto sole = composite ? sole_method(*counts_as) : std::nullopt;
    auto carrier = sole ? carrier_of(*sole, path.exact) : std::nullopt;
    if (carrier) {
        const auto* rule = first_fitting(*counts_as, path);
        if (rule != nullptr && !rule->allows) return denied(not_allowed);
        return Judged{std::move(carrier), *sole};
    }
    path.obscure = composite;
    for (unsigned bit = 1; bit < every_method; bit <<= 1u) {
        if ((*counts_as & bit) == 0) continue;
        const auto* rule = first_fitting(bit, path);
        if (rule == nullptr || !rule->allows)
            return denied(path.obscure ? obscure_not_allowed : not_allowed);
    }
    return Judged{};
}

const PathJudge::Rule* PathJudge::first_fitting(unsigned method, const Path& path) const {
    for (const auto& rule : rules_) {
        if ((rule.methods & method) == 0) continue;
        if (rule.allows && path.obscure && !rule.names_composite) continue;
        const bool fitting =
            rule.allows ? fits(rule.segments, path.exact)
                        : fits(rule.segments, path.lower) || fits(rule.segments, path.bare);
        if (fitting) return &rule;
    }
    return nullptr;
}

}  // namespace latchkey
