#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/error.h>

namespace latchkey {

/// Who is let go first when an org's daily API calls run short: low, then normal. High never is.
enum class Priority { high, normal, low };
const char* name(Priority priority) noexcept;
/// errors  bad_input invalid_priority (message lists them)
Result<Priority> priority_of(std::string_view name);

/// One rule on calls: "allow GET,POST /services/data/*/query*". The first rule that fits a call
/// decides; what none fits is refused.
///
/// `*` is any text within a segment; the segment `**` is any number of segments, none included. A
/// path is compared as it reads decoded, without its query and a slash at its end. GET stands for HEAD
/// too. A call whose query names another method in _HttpMethod counts as that method.
///
/// A deny rule does not mind upper and lower case, nor an ending ".json" or ".xml", because
/// Salesforce often does not; an allow rule does.
///
/// A composite request counts as what it does: it passes if no rule denies its own path and each call
/// or record in its body is allowed as a call of its own. What stands for other calls and does not say
/// which (DELETE composite/sobjects, connect/batch, ui-api/aggregate-ui) is allowed only by a rule
/// whose pattern has that segment written out. docs/operating/api-keys.md has the table.
struct PathRule {
    bool allows = false;
    std::vector<std::string> methods;  ///< GET, POST, PUT, PATCH, DELETE; empty: every one
    std::string path;                  ///< a pattern: /services/..., or /**
    /// "allow GET,POST /services/data/**", "deny /services/data/*/sobjects/Contact/**".
    std::string text() const;
    bool operator==(const PathRule&) const = default;
};
/// Reads what text() writes; several blanks count as one. At most 256 bytes.
/// errors  bad_input invalid_rule
Result<PathRule> path_rule_of(std::string_view text);

/// How much a key may do, on each node for itself. 0: no limit. Calls through the gateway and tokens
/// handed out are counted, those of the key's gateway sessions among them.
struct KeyLimits {
    std::int64_t rate = 0;   ///< a second; at most 1,000,000
    std::int64_t burst = 0;  ///< that may come at once; at most 1,000,000. 0: as many as `rate`
    std::int64_t concurrency = 0;  ///< under way at once; at most 100,000
    bool operator==(const KeyLimits&) const = default;
};

/// What a key may do beyond its permissions. By default everything that they allow.
struct KeyRules {
    std::vector<PathRule> paths;  ///< at most 64; none: every path
    KeyLimits limits;
    Priority priority = Priority::normal;
    KeyRules() = default;
    /// Whether there is nothing to look at.
    bool none() const { return *this == KeyRules{}; }
    bool operator==(const KeyRules&) const = default;
};
/// errors  bad_input  invalid_rule, invalid_key_limit
Result<void> check_rules(const KeyRules& rules);

}  // namespace latchkey
