#include "access/stored_rules.h"

#include <boost/json.hpp>

namespace latchkey {
namespace {

constexpr std::int64_t version = 1;
constexpr std::size_t longest_stored = 32 * 1024;

Error unreadable() {
    return {Fault::denied, "key_rules_unreadable",
            "The rules of this API key cannot be read: they are damaged, or of a later latchkey. "
            "Revoke the key and make a new one, or start that version."};
}

/// False: the member is not what it should be.
bool read_member(std::string_view name, const boost::json::value& value, KeyRules& rules) {
    if (name == "v") return value.is_int64() && value.get_int64() == version;
    if (name == "priority") {
        if (!value.is_string()) return false;
        const auto priority = priority_of(std::string_view{value.get_string()});
        if (priority) rules.priority = *priority;
        return priority.has_value();
    }
    if (name == "paths") {
        if (!value.is_array()) return false;
        for (const auto& item : value.get_array()) {
            if (!item.is_string()) return false;
            auto rule = path_rule_of(std::string_view{item.get_string()});
            if (!rule) return false;
            rules.paths.push_back(std::move(*rule));
        }
        return true;
    }
    std::int64_t* limit = name == "rate"          ? &rules.limits.rate
                          : name == "burst"       ? &rules.limits.burst
                          : name == "concurrency" ? &rules.limits.concurrency
                                                  : nullptr;
    if (limit == nullptr || !value.is_int64()) return false;
    *limit = value.get_int64();
    return true;
}

}  // namespace

std::string print_rules(const KeyRules& rules) {
    if (rules.none()) return {};
    boost::json::object out{{"v", version}};
    if (!rules.paths.empty()) {
        boost::json::array paths;
        for (const auto& rule : rules.paths) paths.emplace_back(rule.text());
        out["paths"] = std::move(paths);
    }
    const auto& limits = rules.limits;
    if (limits.rate > 0) out["rate"] = limits.rate;
    if (limits.burst > 0) out["burst"] = limits.burst;
    if (limits.concurrency > 0) out["concurrency"] = limits.concurrency;
    if (rules.priority != Priority::normal) out["priority"] = name(rules.priority);
    return boost::json::serialize(out);
}

Result<KeyRules> parse_rules(std::string_view text) {
    KeyRules rules;
    if (text.empty()) return rules;
    if (text.size() > longest_stored) return unreadable();
    boost::system::error_code failed;
    boost::json::parse_options options;
    options.max_depth = 2;
    const auto value = boost::json::parse(text, failed, {}, options);
    if (failed || !value.is_object() || !value.get_object().contains("v")) return unreadable();
    for (const auto& member : value.get_object()) {
        const std::string_view key{member.key().data(), member.key().size()};
        if (!read_member(key, member.value(), rules)) return unreadable();
    }
    if (!check_rules(rules)) return unreadable();
    return rules;
}

}  // namespace latchkey
