#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/secret.h>

namespace latchkey::service {

struct ConfigSources;

/// A value and where it stood.
struct Setting {
    std::string place;                ///< FILE:LINE, a variable's name, or a flag
    std::vector<std::string> values;  ///< one, or the items of a list
    bool is_list = false;
};

/// What the sources say, by key, and what is wrong with it. Whether a value can be is for those who
/// ask; they add their problems here, so that all are told at once.
class Settings {
public:
    /// Reads all sources; of two that set one key the stronger wins. Unknown keys are problems.
    explicit Settings(const ConfigSources& sources);

    const Setting* find(const std::string& key) const;  ///< null: not set
    std::string text(const std::string& key, const std::string& otherwise = {}) const;
    /// One given as such, or in the private file that KEY_file names. nullopt: neither, or a problem.
    std::optional<Secret> secret(const std::string& key);
    /// The names of all providers of which anything is set.
    std::set<std::string> providers() const;
    /// Whether it stood in the file, where no secret belongs.
    bool in_file(const Setting& setting) const;

    void problem(const std::string& place, const std::string& text);
    /// One of the configuration as a whole.
    void problem(const std::string& text);
    /// A problem, with what to do about it, unless `key` is set.
    void need(const std::string& key, const std::string& advice);
    bool sound() const { return problems_.empty(); }
    /// All problems, a line each.
    Error failure() const;

private:
    std::string file_name_;  ///< empty: no file
    std::map<std::string, Setting> settings_;
    std::vector<std::string> problems_;
};

}  // namespace latchkey::service
