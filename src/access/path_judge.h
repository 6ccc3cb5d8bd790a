#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <latchkey/key_rules.h>

namespace latchkey {

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
    Result<void> judge(std::string_view method, std::string_view target) const;

private:
    struct Rule {
        bool allows = false;
        unsigned methods = 0;               ///< one bit each
        std::vector<std::string> segments;  ///< of a deny rule in lower case
        bool names_composite = false;
    };
    struct Path;
    bool allowed(unsigned method, const Path& path) const;

    std::vector<Rule> rules_;
};

/// Whether a path's segments fit a pattern's, `**` among them. Takes time in proportion to both
/// lengths' product at most.
bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments);

}  // namespace latchkey
