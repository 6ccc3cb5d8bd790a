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
            if (p + 1 == pattern.size()) return true;
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
constexpr const char* obscure =
    "This call stands for others, and which ones cannot be tried on the rules of this API key. So "
    "a "
    "rule has to write out \"composite\", \"batch\" or \"aggregate-ui\", as in \"allow DELETE "
    "/services/data/*/composite/sobjects\".";

Error denied(const char* why) {
    return {Fault::denied, "denied_by_rule", why};
}

}  // namespace

/// A call's path in the ways in which rules read it.
struct PathJudge::Path {
    std::vector<std::string> exact;
    std::vector<std::string> lower;
    std::vector<std::string> bare;  ///< the same without ".json" or ".xml" at its end
    bool has_format = false;        ///< which is there
    std::string_view carrying;      ///< the word for it, where it does not say what it does
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
        rule.segments = split_path(given.allows ? given.path : fold_case(given.path));
        rules_.push_back(std::move(rule));
    }
}

/// Whether a pattern has the word as a segment of its own, with nothing that stands for another.
bool PathJudge::writes_out(const Rule& rule, std::string_view word) {
    return std::any_of(rule.segments.begin(), rule.segments.end(),
                       [&](const std::string& segment) { return ascii_iequal(segment, word); });
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
    path.lower = split_path(fold_case(*decoded));
    path.bare = path.lower;
    if (!path.bare.empty()) path.bare.back() = std::string{without_format(path.lower.back())};
    path.has_format = path.bare != path.lower;
    path.carrying = carrying_word(path.bare);
    const auto sole = path.carrying.empty() ? std::nullopt : sole_method(*counts_as);
    auto carrier = sole ? carrier_of(*sole, path.exact) : std::nullopt;
    if (carrier) {
        path.carrying = {};
        const auto* rule = first_fitting(*counts_as, path);
        if (rule != nullptr && !rule->allows) return denied(not_allowed);
        return Judged{std::move(carrier), *sole};
    }
    for (unsigned bit = 1; bit < every_method; bit <<= 1u) {
        if ((*counts_as & bit) == 0) continue;
        const auto* rule = first_fitting(bit, path);
        if (rule == nullptr || !rule->allows)
            return denied(path.carrying.empty() ? not_allowed : obscure);
    }
    return Judged{};
}

const PathJudge::Rule* PathJudge::first_fitting(unsigned method, const Path& path) const {
    for (const auto& rule : rules_) {
        if ((rule.methods & method) == 0) continue;
        if (rule.allows && !path.carrying.empty() && !writes_out(rule, path.carrying)) continue;
        const bool fitting = rule.allows ? fits(rule.segments, path.exact)
                                         : fits(rule.segments, path.lower) ||
                                               (path.has_format && fits(rule.segments, path.bare));
        if (fitting) return &rule;
    }
    return nullptr;
}

}  // namespace latchkey
