#include "service/config.h"

#include <algorithm>
#include <charconv>
#include <thread>
#include <utility>

#include "base/origin.h"
#include "base/text.h"
#include "facade/check_egress.h"
#include "facade/check_providers.h"
#include "facade/check_store.h"
#include "service/settings.h"

namespace latchkey::service {
namespace {

/// What the settings mean. What cannot be is added to their problems.
class Meaning {
public:
    explicit Meaning(Settings& said) : said_(said) {}

    Config build() {
        Config config;
        said_.need("public_url", "it is the https origin under which browsers reach this server.");
        if (const auto* url = said_.find("public_url")) {
            const auto origin = Origin::parse(url->values.front());
            if (!origin || (!origin->tls && !origin->loopback()))
                said_.problem(url->place,
                              "public_url must be an https origin without a path (http only "
                              "on a loopback host).");
            else
                config.public_url = origin->text();
        }
        config.listen = listen("server.listen", config.listen);
        config.operators_listen = listen("server.operators_listen", config.operators_listen);
        read_store(config);
        config.ca_file = said_.text("server.ca_file");
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

private:
    ListenAddress listen(const std::string& key, ListenAddress otherwise) {
        const auto* setting = said_.find(key);
        if (setting == nullptr) return otherwise;
        auto parsed = parse_listen_address(setting->values.front());
        if (parsed) return *parsed;
        said_.problem(setting->place, key + ": " + parsed.error().message);
        return otherwise;
    }

    /// A file of this node's own, or a database that several share.
    void read_store(Config& config) {
        const auto* path = said_.find("store.path");
        const auto* journal = said_.find("journal.directory");
        auto dsn = said_.secret("store.dsn");
        if (journal != nullptr) config.journal_directory = journal->values.front();
        const auto* named = said_.find("store.dsn_file");
        if (named == nullptr) named = said_.find("store.dsn");
        if (named == nullptr) {
            said_.need("store.path",
                       "it names the SQLite file, such as /var/lib/latchkey/latchkey.db; "
                       "or set store.dsn_file for a PostgreSQL database.");
            config.database = said_.text("store.path");
            return;
        }
        if (path != nullptr)
            said_.problem(path->place,
                          "store.path and store.dsn_file exclude each other; keep one.");
        said_.need("journal.directory",
                   "with a shared database each node keeps its journal on a disk of "
                   "its own, such as /var/lib/latchkey/journal.");
        if (!dsn) return;
        const auto sound = check_store_dsn(*dsn);
        if (!sound) said_.problem(named->place, sound.error().message);
        config.shared_database = SharedDatabase{std::move(*dsn), false};
        const auto accept = said_.text("rotation.accept_async_replication", "false");
        if (accept != "true" && accept != "false")
            said_.problem(said_.find("rotation.accept_async_replication")->place,
                          "rotation.accept_async_replication must be true or false.");
        config.shared_database->accept_async_replication = accept == "true";
    }

    void read_tls(Config& config) {
        const auto* certificate = said_.find("server.tls_certificate_file");
        const auto* key = said_.find("server.tls_key_file");
        if ((certificate == nullptr) != (key == nullptr))
            said_.problem((certificate != nullptr ? certificate : key)->place,
                          "server.tls_certificate_file and server.tls_key_file go together.");
        else if (certificate != nullptr)
            config.tls = ServerTls{certificate->values.front(), key->values.front()};
    }

    void read_egress(Config& config) {
        config.egress.proxy_url = said_.text("egress.proxy_url");
        config.egress.source_address = said_.text("egress.source_address");
        const auto* plain = said_.find("egress.proxy_login");
        if (plain != nullptr && said_.in_file(*plain)) {
            said_.problem(plain->place,
                          "a login does not belong into this file; use "
                          "egress.proxy_login_file or LATCHKEY_EGRESS_PROXY_LOGIN.");
            return;
        }
        config.egress.proxy_login = said_.secret("egress.proxy_login");
        const auto sound = check_egress(config.egress);
        if (sound) return;
        for (const char* key : {"egress.proxy_url", "egress.proxy_login_file", "egress.proxy_login",
                                "egress.source_address"}) {
            if (const auto* setting = said_.find(key)) {
                said_.problem(setting->place, sound.error().message);
                return;
            }
        }
    }

    /// One for each processor, unless told otherwise.
    void read_event_loops(Config& config) {
        constexpr int most = 64;
        const int cores = static_cast<int>(std::thread::hardware_concurrency());
        config.event_loops = std::clamp(cores, 1, most);
        const auto* loops = said_.find("server.event_loops");
        if (loops == nullptr) return;
        const auto number = parse_decimal(loops->values.front(), most);
        if (!number || *number == 0)
            said_.problem(loops->place, "server.event_loops must be a whole number from 1 to 64.");
        else
            config.event_loops = static_cast<int>(*number);
    }

    void read_reserve(const char* key, int& percent) {
        const auto* given = said_.find(key);
        if (given == nullptr) return;
        const auto number = parse_decimal(given->values.front(), 100);
        if (!number)
            said_.problem(
                given->place,
                std::string{key} + " must be a whole number from 0 to 100; 0 reserves nothing.");
        else
            percent = static_cast<int>(*number);
    }

    void read_master_key(Config& config) {
        const auto* file = said_.find("keys.master_key_file");
        const auto* plain = said_.find("keys.master_key");
        if (plain != nullptr && said_.in_file(*plain)) {
            said_.problem(plain->place,
                          "a master key does not belong into this file; use "
                          "keys.master_key_file or LATCHKEY_KEYS_MASTER_KEY.");
        } else if (file != nullptr && plain != nullptr) {
            said_.problem(plain->place,
                          "keys.master_key and keys.master_key_file are both set; keep one.");
        } else if (file != nullptr) {
            config.master_key = MasterKeyFile{file->values.front(), false};
        } else if (plain != nullptr) {
            config.master_key = MasterKeyBytes{Secret{plain->values.front()}};
        } else {
            said_.need("keys.master_key_file",
                       "make one with: head -c 32 /dev/urandom | base64 > FILE; "
                       "chmod 600 FILE.");
        }
    }

    void read_providers(Config& config) {
        const auto names = said_.providers();
        if (names.empty())
            said_.problem("no provider is configured; add a section [providers.salesforce].");
        for (const auto& name : names) config.providers.push_back(read_provider(name, config));
    }

    Provider read_provider(const std::string& name, const Config& config) {
        const auto key = [&](const char* end) { return "providers." + name + "." + end; };
        Provider provider;
        provider.id = ProviderId{name};
        said_.need(key("client_id"), "it is the consumer key of the app in Salesforce.");
        provider.client_id = said_.text(key("client_id"));
        if (said_.find(key("login_url")) != nullptr)
            provider.login_url = said_.text(key("login_url"));
        provider.redirect_uri =
            said_.text(key("redirect_uri"), config.public_url + "/oauth/callback/" + name);
        if (const auto* scopes = said_.find(key("scopes"))) provider.scopes = scopes->values;
        if (const auto* urls = said_.find(key("return_urls"))) provider.return_urls = urls->values;

        const auto is_public = said_.text(key("public"), "false");
        if (is_public != "true" && is_public != "false")
            said_.problem(said_.find(key("public"))->place,
                          key("public") + " must be true or false.");
        auto client_secret = said_.secret(key("client_secret"));
        if (is_public == "true" && client_secret)
            said_.problem(said_.find(key("public"))->place,
                          "a public client has no client_secret.");
        else if (is_public == "true")
            provider.proof = PublicProof{};
        else if (client_secret)
            provider.proof = SecretProof{std::move(*client_secret)};
        else if (said_.find(key("client_secret_file")) == nullptr)
            said_.need(key("client_secret_file"),
                       "or set public = true for an app without a secret.");

        const auto policy = said_.text(key("uncertain"), "wait");
        if (policy == "reauth")
            provider.uncertain = UncertainPolicy::reauth;
        else if (policy != "wait")
            said_.problem(said_.find(key("uncertain"))->place,
                          key("uncertain") + " must be wait or reauth.");
        read_refreshing(provider, name);
        return provider;
    }

    void read_refreshing(Provider& provider, const std::string& name) {
        const auto trust = "providers." + name + ".introspection";
        const auto said = said_.text(trust, "trusted");
        provider.introspection_trusted = said == "trusted";
        if (said != "trusted" && said != "untrusted")
            said_.problem(said_.find(trust)->place, trust + " must be trusted or untrusted.");

        const auto pace = "providers." + name + ".refreshes_per_second";
        const auto* setting = said_.find(pace);
        if (setting == nullptr) return;
        const auto& digits = setting->values.front();
        const auto end = digits.data() + digits.size();
        const auto read = std::from_chars(digits.data(), end, provider.refreshes_per_second);
        if (read.ec != std::errc{} || read.ptr != end || provider.refreshes_per_second < 1 ||
            provider.refreshes_per_second > 100000)
            said_.problem(setting->place, pace + " must be a number from 1 to 100000.");
    }

    Settings& said_;
};

}  // namespace

Result<Config> load_config(const ConfigSources& sources) {
    Settings said{sources};
    if (!said.sound()) return said.failure();
    Config config = Meaning{said}.build();
    if (said.sound())
        if (const auto sound = check_providers(config.providers); !sound)
            said.problem(sound.error().message);
    if (!said.sound()) return said.failure();
    return config;
}

}  // namespace latchkey::service
