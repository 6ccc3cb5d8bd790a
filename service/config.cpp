#include "service/config.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/origin.h"
#include "base/text.h"
#include "facade/check_egress.h"
#include "facade/check_providers.h"
#include "facade/check_store.h"

extern char** environ;

namespace latchkey::service {
namespace {

/// A value and where it stood.
struct Setting {
    std::string place;
    std::vector<std::string> values;  ///< one, or the items of a list
    bool is_list = false;
};
using Settings = std::map<std::string, Setting>;

struct KnownKey {
    std::string_view name;
    bool list = false;
};

// {provider} stands for any provider's name.
constexpr KnownKey known_keys[] = {
    {"public_url"},
    {"server.listen"},
    {"server.operators_listen"},
    {"server.tls_certificate_file"},
    {"server.tls_key_file"},
    {"server.ca_file"},
    {"server.event_loops"},
    {"gateway.reserve_from_low_percent"},
    {"gateway.reserve_from_normal_percent"},
    {"egress.proxy_url"},
    {"egress.proxy_login"},
    {"egress.proxy_login_file"},
    {"egress.source_address"},
    {"store.path"},
    {"store.dsn"},
    {"store.dsn_file"},
    {"journal.directory"},
    {"rotation.accept_async_replication"},
    {"keys.master_key"},
    {"keys.master_key_file"},
    {"providers.{provider}.login_url"},
    {"providers.{provider}.client_id"},
    {"providers.{provider}.client_secret"},
    {"providers.{provider}.client_secret_file"},
    {"providers.{provider}.public"},
    {"providers.{provider}.redirect_uri"},
    {"providers.{provider}.scopes", true},
    {"providers.{provider}.return_urls", true},
    {"providers.{provider}.uncertain"},
    {"providers.{provider}.introspection"},
    {"providers.{provider}.refreshes_per_second"},
};
constexpr std::string_view provider_prefix = "providers.";

/// "providers.acme.login_url" -> "providers.{provider}.login_url".
std::string general_name(std::string_view key) {
    if (!key.starts_with(provider_prefix)) return std::string{key};
    const auto rest = key.substr(provider_prefix.size());
    const auto dot = rest.find('.');
    if (dot == std::string_view::npos) return std::string{key};
    return "providers.{provider}" + std::string{rest.substr(dot)};
}

const KnownKey* known(std::string_view key) {
    const auto name = general_name(key);
    for (const auto& candidate : known_keys)
        if (candidate.name == name) return &candidate;
    return nullptr;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::string nearest(std::string_view key) {
    const auto name = general_name(key);
    std::string_view best = known_keys[0].name;
    for (const auto& candidate : known_keys)
        if (edit_distance(name, candidate.name) < edit_distance(name, best)) best = candidate.name;
    return std::string{best};
}

class Reader {
public:
    explicit Reader(const ConfigSources& sources) : sources_(sources) {}

    Result<Config> read() {
        read_file();
        read_environment();
        for (const auto& [key, value] : sources_.flags)
            settings_[key] = Setting{"--" + flag_name(key), {value}, false};
        if (!problems_.empty()) return failure();
        Config config = build();
        if (problems_.empty())
            if (const auto sound = check_providers(config.providers); !sound)
                problem(sources_.file_name.empty() ? "configuration" : sources_.file_name,
                        sound.error().message);
        if (!problems_.empty()) return failure();
        return config;
    }

private:
    Error failure() const {
        std::string message;
        for (const auto& problem : problems_) message += (message.empty() ? "" : "\n") + problem;
        return Error{Fault::misconfigured, "config_invalid", message};
    }

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
            const auto* what = known(key);
            if (what == nullptr) {
                problem(place(node), fmt::format("unknown key {}; the nearest known one is {}.",
                                                 printable(key), nearest(key)));
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

    // The environment ------------------------------------------------------------------------------

    /// LATCHKEY_PROVIDERS_MY_ORG_CLIENT_ID: the ending tells the key, what stands before it the name.
    static std::optional<std::string> key_of_variable(std::string_view variable) {
        const auto name = ascii_lower(variable.substr(std::string_view{"LATCHKEY_"}.size()));
        for (const auto& candidate : known_keys) {
            std::string shape{candidate.name};
            const auto hole = shape.find("{provider}");
            std::replace(shape.begin(), shape.end(), '.', '_');
            if (hole == std::string::npos) {
                if (shape == name) return std::string{candidate.name};
                continue;
            }
            const auto head = shape.substr(0, hole);
            const auto tail = shape.substr(hole + std::string_view{"{provider}"}.size());
            if (name.size() <= head.size() + tail.size() || !name.starts_with(head) ||
                !name.ends_with(tail))
                continue;
            auto key = std::string{candidate.name};
            key.replace(hole, std::string_view{"{provider}"}.size(),
                        name.substr(head.size(), name.size() - head.size() - tail.size()));
            return key;
        }
        return std::nullopt;
    }

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
            Setting setting{variable, {}, known(*key)->list};
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

    // The meaning ----------------------------------------------------------------------------------

    const Setting* find(const std::string& key) const {
        const auto found = settings_.find(key);
        return found == settings_.end() ? nullptr : &found->second;
    }

    std::string text(const std::string& key, const std::string& otherwise = {}) const {
        const auto* setting = find(key);
        return setting == nullptr ? otherwise : setting->values.front();
    }

    void need(const std::string& key, const std::string& advice) {
        if (find(key) == nullptr)
            problem(sources_.file_name.empty() ? "configuration" : sources_.file_name,
                    key + " is missing; " + advice);
    }

    ListenAddress listen(const std::string& key, ListenAddress otherwise) {
        const auto* setting = find(key);
        if (setting == nullptr) return otherwise;
        auto parsed = parse_listen_address(setting->values.front());
        if (parsed) return *parsed;
        problem(setting->place, key + ": " + parsed.error().message);
        return otherwise;
    }

    /// A secret given as such or by file.
    std::optional<Secret> secret(const std::string& key) {
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

    Config build() {
        Config config;
        need("public_url", "it is the https origin under which browsers reach this server.");
        if (const auto* url = find("public_url")) {
            const auto origin = Origin::parse(url->values.front());
            if (!origin || (!origin->tls && !origin->loopback()))
                problem(url->place,
                        "public_url must be an https origin without a path (http only "
                        "on a loopback host).");
            else
                config.public_url = origin->text();
        }
        config.listen = listen("server.listen", config.listen);
        config.operators_listen = listen("server.operators_listen", config.operators_listen);
        read_store(config);
        config.ca_file = text("server.ca_file");
        read_tls(config);
        read_event_loops(config);
        read_reserve("gateway.reserve_from_low_percent", config.daily_reserve.from_low_percent);
        read_reserve("gateway.reserve_from_normal_percent",
                     config.daily_reserve.from_normal_percent);
        read_egress(config);
        read_master_key(config);
        read_providers(config);
        return config;
    }

    /// A file of this node's own, or a database that several share.
    void read_store(Config& config) {
        const auto* path = find("store.path");
        const auto* journal = find("journal.directory");
        auto dsn = secret("store.dsn");
        if (journal != nullptr) config.journal_directory = journal->values.front();
        const auto* named = find("store.dsn_file");
        if (named == nullptr) named = find("store.dsn");
        if (named == nullptr) {
            need("store.path",
                 "it names the SQLite file, such as /var/lib/latchkey/latchkey.db; "
                 "or set store.dsn_file for a PostgreSQL database.");
            config.database = text("store.path");
            return;
        }
        if (path != nullptr)
            problem(path->place, "store.path and store.dsn_file exclude each other; keep one.");
        need("journal.directory",
             "with a shared database each node keeps its journal on a disk of "
             "its own, such as /var/lib/latchkey/journal.");
        if (!dsn) return;
        const auto sound = check_store_dsn(*dsn);
        if (!sound) problem(named->place, sound.error().message);
        config.shared_database = SharedDatabase{std::move(*dsn), false};
        const auto accept = text("rotation.accept_async_replication", "false");
        if (accept != "true" && accept != "false")
            problem(find("rotation.accept_async_replication")->place,
                    "rotation.accept_async_replication must be true or false.");
        config.shared_database->accept_async_replication = accept == "true";
    }

    void read_tls(Config& config) {
        const auto* certificate = find("server.tls_certificate_file");
        const auto* key = find("server.tls_key_file");
        if ((certificate == nullptr) != (key == nullptr))
            problem((certificate != nullptr ? certificate : key)->place,
                    "server.tls_certificate_file and server.tls_key_file go together.");
        else if (certificate != nullptr)
            config.tls = ServerTls{certificate->values.front(), key->values.front()};
    }

    void read_egress(Config& config) {
        config.egress.proxy_url = text("egress.proxy_url");
        config.egress.source_address = text("egress.source_address");
        const auto* plain = find("egress.proxy_login");
        if (plain != nullptr && !sources_.file_name.empty() &&
            plain->place.starts_with(sources_.file_name)) {
            problem(plain->place,
                    "a login does not belong into this file; use "
                    "egress.proxy_login_file or LATCHKEY_EGRESS_PROXY_LOGIN.");
            return;
        }
        config.egress.proxy_login = secret("egress.proxy_login");
        const auto sound = check_egress(config.egress);
        if (sound) return;
        for (const char* key : {"egress.proxy_url", "egress.proxy_login_file", "egress.proxy_login",
                                "egress.source_address"}) {
            if (const auto* setting = find(key)) {
                problem(setting->place, sound.error().message);
                return;
            }
        }
    }

    /// One for each processor, unless told otherwise.
    void read_event_loops(Config& config) {
        constexpr int most = 64;
        const int cores = static_cast<int>(std::thread::hardware_concurrency());
        config.event_loops = std::clamp(cores, 1, most);
        const auto* loops = find("server.event_loops");
        if (loops == nullptr) return;
        const auto number = parse_decimal(loops->values.front(), most);
        if (!number || *number == 0)
            problem(loops->place, "server.event_loops must be a whole number from 1 to 64.");
        else
            config.event_loops = static_cast<int>(*number);
    }

    void read_reserve(const char* key, int& percent) {
        const auto* given = find(key);
        if (given == nullptr) return;
        const auto number = parse_decimal(given->values.front(), 100);
        if (!number)
            problem(given->place, std::string{key} +
                                      " must be a whole number from 0 to 100; 0 reserves nothing.");
        else
            percent = static_cast<int>(*number);
    }

    void read_master_key(Config& config) {
        const auto* file = find("keys.master_key_file");
        const auto* plain = find("keys.master_key");
        if (plain != nullptr && plain->place.starts_with(sources_.file_name) &&
            !sources_.file_name.empty()) {
            problem(plain->place,
                    "a master key does not belong into this file; use "
                    "keys.master_key_file or LATCHKEY_KEYS_MASTER_KEY.");
        } else if (file != nullptr && plain != nullptr) {
            problem(plain->place,
                    "keys.master_key and keys.master_key_file are both set; keep one.");
        } else if (file != nullptr) {
            config.master_key = MasterKeyFile{file->values.front(), false};
        } else if (plain != nullptr) {
            config.master_key = MasterKeyBytes{Secret{plain->values.front()}};
        } else {
            need("keys.master_key_file",
                 "make one with: head -c 32 /dev/urandom | base64 > FILE; "
                 "chmod 600 FILE.");
        }
    }

    void read_providers(Config& config) {
        std::set<std::string> names;
        for (const auto& [key, setting] : settings_) {
            if (!key.starts_with(provider_prefix)) continue;
            const auto rest = key.substr(provider_prefix.size());
            names.insert(rest.substr(0, rest.find('.')));
        }
        if (names.empty())
            problem(sources_.file_name.empty() ? "configuration" : sources_.file_name,
                    "no provider is configured; add a section [providers.salesforce].");
        for (const auto& name : names) config.providers.push_back(read_provider(name, config));
    }

    Provider read_provider(const std::string& name, const Config& config) {
        const auto key = [&](const char* end) { return "providers." + name + "." + end; };
        Provider provider;
        provider.id = ProviderId{name};
        need(key("client_id"), "it is the consumer key of the app in Salesforce.");
        provider.client_id = text(key("client_id"));
        if (find(key("login_url")) != nullptr) provider.login_url = text(key("login_url"));
        provider.redirect_uri =
            text(key("redirect_uri"), config.public_url + "/oauth/callback/" + name);
        if (const auto* scopes = find(key("scopes"))) provider.scopes = scopes->values;
        if (const auto* urls = find(key("return_urls"))) provider.return_urls = urls->values;

        const auto is_public = text(key("public"), "false");
        if (is_public != "true" && is_public != "false")
            problem(find(key("public"))->place, key("public") + " must be true or false.");
        auto client_secret = secret(key("client_secret"));
        if (is_public == "true" && client_secret)
            problem(find(key("public"))->place, "a public client has no client_secret.");
        else if (is_public == "true")
            provider.proof = PublicProof{};
        else if (client_secret)
            provider.proof = SecretProof{std::move(*client_secret)};
        else if (find(key("client_secret_file")) == nullptr)
            need(key("client_secret_file"), "or set public = true for an app without a secret.");

        const auto policy = text(key("uncertain"), "wait");
        if (policy == "reauth")
            provider.uncertain = UncertainPolicy::reauth;
        else if (policy != "wait")
            problem(find(key("uncertain"))->place, key("uncertain") + " must be wait or reauth.");
        read_refreshing(provider, name);
        return provider;
    }

    void read_refreshing(Provider& provider, const std::string& name) {
        const auto trust = "providers." + name + ".introspection";
        const auto said = text(trust, "trusted");
        provider.introspection_trusted = said == "trusted";
        if (said != "trusted" && said != "untrusted")
            problem(find(trust)->place, trust + " must be trusted or untrusted.");

        const auto pace = "providers." + name + ".refreshes_per_second";
        const auto* setting = find(pace);
        if (setting == nullptr) return;
        const auto& digits = setting->values.front();
        const auto end = digits.data() + digits.size();
        const auto read = std::from_chars(digits.data(), end, provider.refreshes_per_second);
        if (read.ec != std::errc{} || read.ptr != end || provider.refreshes_per_second < 1 ||
            provider.refreshes_per_second > 100000)
            problem(setting->place, pace + " must be a number from 1 to 100000.");
    }

    const ConfigSources& sources_;
    Settings settings_;
    std::vector<std::string> problems_;
};

}  // namespace

Result<Config> load_config(const ConfigSources& sources) {
    return Reader{sources}.read();
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
