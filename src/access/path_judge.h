#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/key_rules.h>

#include "access/carrier.h"

namespace latchkey {

/// A call that rules let pass, or would if they let pass what it carries.
struct Judged {
    std::optional<Carrier> carrier;  ///< none: it passes
    std::string_view method;         ///< that a carrier's counts as
};

/// The rules of a key on paths, made ready. Never changes, so any thread may ask.
///
/// Paths are compared decoded: percent-encoded spellings of one path are one path here. That is sound
/// only for targets that the gateway's own rules let pass, which have no escaped slash or dot, no
/// empty segment, and mean the same to whoever reads them next.
class PathJudge {
public:
    explicit PathJudge(const std::vector<PathRule>& rules);

    /// `target` has been found good by the gateway's check_method and check_target.
    /// errors  denied denied_by_rule
    Result<Judged> judge(std::string_view method, std::string_view target) const;

private:
    struct Rule {
        bool allows = false;
        unsigned methods = 0;               ///< one bit each
        std::vector<std::string> segments;  ///< of a deny rule in lower case
    };
    struct Path;
    static bool writes_out(const Rule& rule, std::string_view word);
    const Rule* first_fitting(unsigned method, const Path& path) const;

    std::vector<Rule> rules_;
};

/// Whether a path's segments fit a pattern's, `**` among them. Takes time in proportion to both
/// lengths' product at most.
bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments);

}  // namespace latchkey
