#include <cstdint>
#include <string>
#include <string_view>

#include "access/path_judge.h"
#include "access/stored_rules.h"
#include "gateway/path_rules.h"
#include "tests/fuzz/judge.h"

namespace {

using namespace latchkey;

/// The first line of `rest`, which loses it.
std::string_view take_line(std::string_view& rest) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() == rest.size() ? line.size() : line.size() + 1);
    return line;
}

bool lets(const PathJudge& judge, std::string_view method, std::string_view target) {
    return judge.judge(method, target).has_value();
}

/// The same path with an escape for every byte that may have one.
std::string escaped(std::string_view path) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const auto c = static_cast<unsigned char>(path[i]);
        const bool kept = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '.' || c == '/' || c == '%';
        if (kept)
            out += path[i];
        else
            out.append({'%', digits[c >> 4u], digits[c & 15u]});
    }
    return out;
}

std::string upper(std::string_view text) {
    std::string out{text};
    for (auto& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    return out;
}

void judge_spellings(const PathRule& rule, std::string_view method, std::string_view target) {
    if (!check_method(method) || !check_target(target)) return;
    const auto path = target.substr(0, target.find('?'));
    const auto query = target.substr(path.size());
    PathRule everything;
    everything.allows = true;
    everything.path = "/**";
    const PathJudge judge{{rule, everything}};
    const bool let = lets(judge, method, target);

    auto other = escaped(path) + std::string{query};
    const bool short_enough = other.find('?') <= 2048 && other.size() <= 2048;
    if (check_target(other) && short_enough) LATCHKEY_HOLDS(lets(judge, method, other) == let);
    other = std::string{path} + (path.ends_with('/') ? "" : "/") + std::string{query};
    if (path.size() < 2048) LATCHKEY_HOLDS(lets(judge, method, other) == let);
    // What is denied is denied in capitals, in another format, and whatever the query says more.
    if (!let && !rule.allows) {
        const auto end = path.substr(0, path.size() - (path.ends_with('/') ? 1 : 0));
        LATCHKEY_HOLDS(!lets(judge, method, upper(path) + std::string{query}));
        // An ending on top of another one is another path.
        const auto capitals = upper(end);
        const bool ends = capitals.ends_with(".JSON") || capitals.ends_with(".XML");
        if (!ends && end.size() < 2000)
            LATCHKEY_HOLDS(!lets(judge, method, std::string{end} + ".json" + std::string{query}));
        other = std::string{target} + (query.empty() ? "?" : "&") + "_HttpMethod=GET";
        if (method != "POST") LATCHKEY_HOLDS(!lets(judge, method, other));
    }
}

}  // namespace

/// Three lines: a rule, a method, a target. A rule reads as it is written, and no spelling of a target
/// gets around it. The whole is tried as stored rules as well: what is read is written back the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    if (const auto stored = parse_rules(bytes)) {
        const auto again = parse_rules(print_rules(*stored));
        LATCHKEY_HOLDS(again.has_value() && *again == *stored);
    }
    auto rest = bytes;
    const auto rule = path_rule_of(take_line(rest));
    if (!rule) return 0;
    const auto again = path_rule_of(rule->text());
    LATCHKEY_HOLDS(again.has_value() && *again == *rule);
    const auto method = take_line(rest);
    judge_spellings(*rule, method, take_line(rest));
    return 0;
}
