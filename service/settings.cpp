#include "service/settings.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/text.h"
#include "service/config.h"
#include "service/setting_names.h"

extern char** environ;

namespace latchkey::service {
namespace {

/// Reads the sources into what is kept, without asking what it means.
class Reading {
public:
    Reading(const ConfigSources& sources, std::map<std::string, Setting>& settings,
            std::vector<std::string>& problems)
        : sources_(sources), settings_(settings), problems_(problems) {}

    /// The weakest source first.
    void read() {
        read_file();
        read_environment();
        for (const auto& [key, value] : sources_.flags)
            settings_[key] = Setting{"--" + flag_name(key), {value}, false};
    }

private:
    static std::string flag_name(std::string_view key) {
        auto name = std::string{key.substr(key.rfind('.') + 1)};
        std::replace(name.begin(), name.end(), '_', '-');
        return name;
    }

    void problem(const std::string& place, const std::string& text) {
        problems_.push_back(place + ": " + text);
    }

    // The file -----------------------------------------------------------------------------------

    std::string place(const toml::node& node) const {
        return fmt::format("{}:{}", sources_.file_name, node.source().begin.line);
    }

    void read_file() {
        if (sources_.file_name.empty()) return;
        try {
            const auto table = toml::parse(sources_.file_text, sources_.file_name);
            walk(table, "");
        } catch (const toml::parse_error& error) {
            problem(fmt::format("{}:{}", sources_.file_name, error.source().begin.line),
                    "not TOML: " + printable(error.description()) + ".");
        }
    }

    void walk(const toml::table& table, const std::string& prefix) {
        for (const auto& [name, node] : table) {
            const auto key = prefix + std::string{name.str()};
            if (const auto* inner = node.as_table()) {
                walk(*inner, key + ".");
                continue;
            }
            const auto* what = setting_of(key);
            if (what == nullptr) {
                problem(place(node), fmt::format("unknown key {}; the nearest known one is {}.",
                                                 printable(key), nearest_setting(key)));
                continue;
            }
            Setting setting{place(node), {}, what->list};
            if (what->list ? !read_list(node, setting) : !read_scalar(node, setting)) {
                problem(setting.place, fmt::format("{} must be {}.", key,
                                                   what->list ? "a list of texts" : "one value"));
                continue;
            }
            settings_[key] = std::move(setting);
        }
    }

    static bool read_list(const toml::node& node, Setting& into) {
        const auto* list = node.as_array();
        if (list == nullptr) return false;
        for (const auto& item : *list) {
            const auto text = item.value<std::string>();
            if (!item.is_string() || !text) return false;
            into.values.push_back(*text);
        }
        return true;
    }

    static bool read_scalar(const toml::node& node, Setting& into) {
        if (const auto text = node.value_exact<std::string>())
            into.values = {*text};
        else if (const auto flag = node.value_exact<bool>())
            into.values = {*flag ? "true" : "false"};
        else if (const auto number = node.value_exact<std::int64_t>())
            into.values = {std::to_string(*number)};
        else
            return false;
        return true;
    }

    // The environment ----------------------------------------------------------------------------

    void read_environment() {
        // Set for the CLI when it talks to a server; not settings of the server itself.
        static const std::set<std::string> of_the_cli = {"LATCHKEY_SERVER", "LATCHKEY_API_KEY_FILE",
                                                         "LATCHKEY_STATE"};
        for (const auto& [variable, value] : sources_.environment) {
            if (of_the_cli.contains(variable)) continue;
            const auto key = key_of_variable(variable);
            if (!key) {
                problem(variable,
                        "unknown variable; names are LATCHKEY_SECTION_KEY, such as "
                        "LATCHKEY_SERVER_LISTEN.");
                continue;
            }
            Setting setting{variable, {}, setting_of(*key)->list};
            if (setting.is_list)
                setting.values = split(value);
            else
                setting.values = {value};
            settings_[*key] = std::move(setting);
        }
    }

    static std::vector<std::string> split(std::string_view text) {
        std::vector<std::string> words;
        while (!text.empty()) {
            const auto end = std::min(text.find_first_of(" ,"), text.size());
            if (end != 0) words.emplace_back(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return words;
    }

    const ConfigSources& sources_;
    std::map<std::string, Setting>& settings_;
    std::vector<std::string>& problems_;
};

}  // namespace

Settings::Settings(const ConfigSources& sources) : file_name_(sources.file_name) {
    Reading{sources, settings_, problems_}.read();
}

const Setting* Settings::find(const std::string& key) const {
    const auto found = settings_.find(key);
    return found == settings_.end() ? nullptr : &found->second;
}

std::string Settings::text(const std::string& key, const std::string& otherwise) const {
    const auto* setting = find(key);
    return setting == nullptr ? otherwise : setting->values.front();
}

std::optional<Secret> Settings::secret(const std::string& key) {
    const auto* plain = find(key);
    const auto* file = find(key + "_file");
    if (plain != nullptr && file != nullptr) {
        problem(plain->place, key + " and " + key + "_file are both set; keep one.");
        return std::nullopt;
    }
    if (plain != nullptr) return Secret{plain->values.front()};
    if (file == nullptr) return std::nullopt;
    auto content = read_small_file(file->values.front(), true);
    if (!content) {
        problem(file->place, key + "_file: " + content.error().message);
        return std::nullopt;
    }
    return Secret::take(std::move(*content));
}

std::set<std::string> Settings::providers() const {
    std::set<std::string> names;
    for (const auto& [key, setting] : settings_) {
        if (!key.starts_with(provider_prefix)) continue;
        const auto rest = key.substr(provider_prefix.size());
        names.insert(rest.substr(0, rest.find('.')));
    }
    return names;
}

bool Settings::in_file(const Setting& setting) const {
    return !file_name_.empty() && setting.place.starts_with(file_name_);
}

void Settings::problem(const std::string& place, const std::string& text) {
    problems_.push_back(place + ": " + text);
}

void Settings::problem(const std::string& text) {
    problem(file_name_.empty() ? "configuration" : file_name_, text);
}

void Settings::need(const std::string& key, const std::string& advice) {
    if (find(key) == nullptr) problem(key + " is missing; " + advice);
}

Error Settings::failure() const {
    std::string message;
    for (const auto& problem : problems_) message += (message.empty() ? "" : "\n") + problem;
    return Error{Fault::misconfigured, "config_invalid", message};
}

std::map<std::string, std::string> latchkey_environment() {
    std::map<std::string, std::string> found;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view line{*entry};
        const auto equals = line.find('=');
        if (!line.starts_with("LATCHKEY_") || equals == std::string_view::npos) continue;
        found.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    return found;
}

}  // namespace latchkey::service
