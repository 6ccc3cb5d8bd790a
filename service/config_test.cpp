#include "service/config.h"

#include <fstream>

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

namespace latchkey::service {
namespace {

/// A folder of its own, gone at the end.
struct Folder {
    std::string path = [] {
        char name[] = "/tmp/latchkey-config-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        return std::string{name};
    }();
    std::vector<std::string> files;
    std::string file(const std::string& name, const std::string& content, mode_t mode = 0600) {
        files.push_back(path + "/" + name);
        std::ofstream{files.back()} << content;
        ::chmod(files.back().c_str(), mode);
        return files.back();
    }
    ~Folder() {
        for (const auto& f : files) ::unlink(f.c_str());
        ::rmdir(path.c_str());
    }
};

ConfigSources with_file(const std::string& text) {
    ConfigSources sources;
    sources.file_name = "latchkey.toml";
    sources.file_text = text;
    return sources;
}

std::string good(const std::string& secret_file) {
    return "public_url = \"https://connect.example.com\"\n"
           "[store]\npath = \"/var/lib/latchkey/latchkey.db\"\n"
           "[keys]\nmaster_key_file = \"/etc/latchkey/master-key\"\n"
           "[providers.salesforce]\nclient_id = \"3MVG9\"\nclient_secret_file = \"" +
           secret_file + "\"\nreturn_urls = [\"https://app.example.com/done\"]\n";
}

}  // namespace

TEST_CASE("a whole file becomes a configuration, and the redirect URI follows the public URL") {
    Folder folder;
    const auto config = load_config(with_file(good(folder.file("secret", "s3cret\n"))));
    REQUIRE(config.has_value());
    CHECK(config->public_url == "https://connect.example.com");
    REQUIRE(config->providers.size() == 1);
    const auto& provider = config->providers[0];
    CHECK(provider.redirect_uri == "https://connect.example.com/oauth/callback/salesforce");
    CHECK(std::get<SecretProof>(provider.proof).client_secret.same_as(Secret{"s3cret"}));
    CHECK(provider.return_urls == std::vector<std::string>{"https://app.example.com/done"});
}

TEST_CASE("a flag wins over the environment, and the environment over the file") {
    Folder folder;
    auto sources = with_file(good(folder.file("secret", "x")));
    sources.environment["LATCHKEY_STORE_PATH"] = "/from/environment.db";
    sources.environment["LATCHKEY_SERVER_LISTEN"] = "127.0.0.1:1";
    sources.flags["server.listen"] = "127.0.0.1:2";
    const auto config = load_config(sources);
    REQUIRE(config.has_value());
    CHECK(config->database == "/from/environment.db");
    CHECK(config->listen.port == 2);
}

TEST_CASE("a provider's settings may come from the environment alone") {
    Folder folder;
    ConfigSources sources;
    sources.environment = {{"LATCHKEY_PUBLIC_URL", "https://c.example"},
                           {"LATCHKEY_STORE_PATH", "/x.db"},
                           {"LATCHKEY_KEYS_MASTER_KEY", "bm90IGEgcmVhbCBrZXk="},
                           {"LATCHKEY_PROVIDERS_MY_ORG_CLIENT_ID", "abc"},
                           {"LATCHKEY_PROVIDERS_MY_ORG_CLIENT_SECRET_FILE", folder.file("s", "y")},
                           {"LATCHKEY_PROVIDERS_MY_ORG_SCOPES", "api refresh_token"}};
    const auto config = load_config(sources);
    REQUIRE(config.has_value());
    CHECK(config->providers[0].id.text == "my_org");
    CHECK(config->providers[0].scopes == std::vector<std::string>{"api", "refresh_token"});
}

TEST_CASE("what is kept of an org's daily calls is a percentage, and has a default") {
    Folder folder;
    auto sources = with_file(good(folder.file("secret", "x")));
    CHECK(load_config(sources)->daily_reserve.from_low_percent == 10);
    CHECK(load_config(sources)->daily_reserve.from_normal_percent == 2);
    sources.environment["LATCHKEY_GATEWAY_RESERVE_FROM_LOW_PERCENT"] = "0";
    sources.environment["LATCHKEY_GATEWAY_RESERVE_FROM_NORMAL_PERCENT"] = "100";
    CHECK(load_config(sources)->daily_reserve.from_low_percent == 0);
    CHECK(load_config(sources)->daily_reserve.from_normal_percent == 100);
    sources.environment["LATCHKEY_GATEWAY_RESERVE_FROM_LOW_PERCENT"] = "101";
    const auto refused = load_config(sources);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.find("must be a whole number from 0 to 100") !=
          std::string::npos);
}

TEST_CASE("an unknown key is refused with its line and the nearest known name") {
    Folder folder;
    const auto config =
        load_config(with_file(good(folder.file("secret", "x")) + "clientid = \"again\"\n"));
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().code == "config_invalid");
    CHECK(config.error().message.find("latchkey.toml:10") != std::string::npos);
    CHECK(config.error().message.find("providers.{provider}.client_id") != std::string::npos);
}

TEST_CASE("every problem is told at once") {
    const auto config = load_config(
        with_file("public_url = \"http://connect.example.com\"\n[server]\nlisten = \"nowhere\"\n"));
    REQUIRE_FALSE(config.has_value());
    const auto& message = config.error().message;
    CHECK(message.find("latchkey.toml:1: public_url") != std::string::npos);
    CHECK(message.find("latchkey.toml:3: server.listen") != std::string::npos);
    CHECK(message.find("store.path is missing") != std::string::npos);
    CHECK(message.find("no provider is configured") != std::string::npos);
}

TEST_CASE("a secret's file that others can read is refused, and the secret is not shown") {
    Folder folder;
    const auto config = load_config(with_file(good(folder.file("secret", "marked-9f2c", 0644))));
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().message.find("chmod 600") != std::string::npos);
    CHECK(config.error().message.find("marked-9f2c") == std::string::npos);
}

TEST_CASE("a master key in the file itself is refused") {
    Folder folder;
    auto text = good(folder.file("secret", "x"));
    text.replace(text.find("master_key_file"), 15, "master_key");
    const auto config = load_config(with_file(text));
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().message.find("does not belong into this file") != std::string::npos);
}

TEST_CASE("a shared database needs a journal of this node's own, and no file beside it") {
    Folder folder;
    const auto secret = folder.file("secret", "x");
    const auto dsn = folder.file("dsn", "host=db1,db2 dbname=latchkey password=marked-9f2c\n");
    const auto with_store = [&](const std::string& store) {
        auto text = good(secret);
        const std::string path = "path = \"/var/lib/latchkey/latchkey.db\"\n";
        text.replace(text.find(path), path.size(), store);
        return load_config(with_file(text));
    };
    const auto refusal = [&](const std::string& store) {
        const auto config = with_store(store);
        return config.has_value() ? std::string{} : config.error().message;
    };
    const std::string shared = "dsn_file = \"" + dsn + "\"\n";
    const std::string journal = "[journal]\ndirectory = \"/var/lib/latchkey/journal\"\n";

    const auto config =
        with_store(shared + journal + "[rotation]\naccept_async_replication = true\n");
    REQUIRE(config.has_value());
    CHECK(config->database.empty());
    REQUIRE(config->shared_database.has_value());
    CHECK(config->shared_database->dsn.reveal().ends_with("marked-9f2c"));
    CHECK(config->shared_database->accept_async_replication);
    CHECK(config->journal_directory == "/var/lib/latchkey/journal");

    CHECK(refusal(shared).find("journal.directory is missing") != std::string::npos);
    CHECK(refusal("path = \"/x\"\n" + shared + journal).find("exclude each other") !=
          std::string::npos);
    CHECK(refusal("").find("store.dsn_file") != std::string::npos);
    CHECK(refusal(shared + journal + "[rotation]\naccept_async_replication = 2\n")
              .find("true or false") != std::string::npos);
    const auto broken = folder.file("broken", "dbname=latchkey password=marked-9f2c\n");
    const auto message = refusal("dsn_file = \"" + broken + "\"\n" + journal);
    CHECK(message.find("names no host") != std::string::npos);
    CHECK(message.find("marked-9f2c") == std::string::npos);
}

TEST_CASE("M1: a login host that is not Salesforce's is refused before anything starts") {
    Folder folder;
    const auto config = load_config(
        with_file(good(folder.file("secret", "x")) + "login_url = \"http://10.0.0.1\"\n"));
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().message.find("login_url") != std::string::npos);
}

TEST_CASE("how refreshes are paced, and whether introspection is believed, can be set") {
    Folder folder;
    const auto text = good(folder.file("secret", "x"));
    auto config = load_config(with_file(text));
    REQUIRE(config.has_value());
    CHECK(config->providers[0].refreshes_per_second == 100);
    CHECK(config->providers[0].introspection_trusted);
    config = load_config(
        with_file(text + "refreshes_per_second = 250\nintrospection = \"untrusted\"\n"));
    REQUIRE(config.has_value());
    CHECK(config->providers[0].refreshes_per_second == 250);
    CHECK_FALSE(config->providers[0].introspection_trusted);

    for (const auto* wrong : {"0", "100001", "\"5x\"", "-1"}) {
        CAPTURE(wrong);
        config = load_config(with_file(text + "refreshes_per_second = " + wrong + "\n"));
        REQUIRE_FALSE(config.has_value());
        CHECK(config.error().message.find("from 1 to 100000") != std::string::npos);
    }
    config = load_config(with_file(text + "introspection = \"maybe\"\n"));
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().message.find("trusted or untrusted") != std::string::npos);
}

TEST_CASE("text that is not TOML is refused with its line") {
    const auto config = load_config(with_file("public_url = \"x\"\n[broken\n"));
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().message.find("latchkey.toml:2") != std::string::npos);
}

}  // namespace latchkey::service
