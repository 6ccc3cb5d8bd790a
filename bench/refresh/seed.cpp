#include "bench/refresh/seed.h"

#include <istream>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/random.h"
#include "base/run_here.h"
#include "crypto/master_key.h"
#include "facade/house.h"
#include "facade/master_key_file.h"
#include "salesforce/identity.h"
#include "service/config.h"
#include "vault/key_ring_loader.h"

namespace latchkey::bench {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr std::size_t at_once = 64;
constexpr std::size_t id_bytes = 16;
constexpr auto patience = 30s;

/// The store of a configuration, with its keys opened.
struct Opened {
    std::unique_ptr<Ground> ground;
    Provider provider;
};

Result<Opened> open(const std::string& config_file) {
    service::ConfigSources sources;
    sources.environment = service::latchkey_environment();
    auto text = service::read_small_file(config_file, false);
    if (!text) return text.error();
    sources.file_name = config_file;
    sources.file_text = std::move(*text);
    auto config = service::load_config(sources);
    if (!config) return config.error();

    Options options;
    options.database = config->database;
    options.shared_database = config->shared_database;
    options.journal_directory = config->journal_directory;
    options.providers = config->providers;
    Opened opened;
    opened.provider = config->providers.front();
    opened.ground = std::make_unique<Ground>(options);
    auto& ground = *opened.ground;
    const auto stored = open_store(ground, options);
    if (!stored) return stored.error();

    boost::asio::io_context loop;
    auto installation =
        run_here(loop, ground.store->keys().installation(ground.clock.in(patience)));
    if (!installation) return installation.error();
    ground.installation = std::move(*installation);
    const auto* file = std::get_if<MasterKeyFile>(&config->master_key);
    auto key = file != nullptr ? read_master_key_file(file->path)
                               : std::get<MasterKeyBytes>(config->master_key).key;
    if (!key) return key.error();
    if (!*key)
        return Error{Fault::misconfigured, "master_key_file", "There is no master key file."};
    auto master = MasterKey::parse(**key);
    if (!master) return master.error();
    auto ring = run_here(loop, load_key_ring(ground.store->keys(), *master, ground.random,
                                             ground.clock, ground.clock.in(patience)));
    if (!ring) return ring.error();
    ground.keys = std::move(*ring);
    return opened;
}

/// What many coroutines of one loop fill together.
struct Seeding {
    Opened opened;
    Vault vault;
    std::vector<std::string> answers;
    std::ostream& ids;
    Due due;
    std::size_t next = 0;
    std::size_t done = 0;
    std::optional<Error> failed;

    Seeding(Opened o, std::vector<std::string> a, std::ostream& out, Due when)
        : opened(std::move(o)),
          vault(*opened.ground->store, *opened.ground->journal, opened.ground->keys,
                opened.ground->installation.id, opened.ground->random, opened.ground->clock),
          answers(std::move(a)),
          ids(out),
          due(when) {}
};

std::string text_of(const json::object& answer, std::string_view name) {
    const auto* value = answer.if_contains(name);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : "";
}

/// One connection, as after a login: a candidate, then current.
Task<void> connect(std::shared_ptr<Seeding> all, std::size_t number) {
    boost::system::error_code bad;
    const auto parsed = json::parse(all->answers[number], bad);
    if (bad || !parsed.is_object())
        co_return Error{Fault::bad_input, "invalid_answer", "A line is not a JSON object."};
    const auto& answer = parsed.get_object();
    const auto who = salesforce::parse_identity_url(text_of(answer, "id"));
    if (!who) co_return who.error();
    auto& clock = all->opened.ground->clock;

    Connection shown;
    shown.id = ConnectionId{"cn_" + random_text(all->opened.ground->random, id_bytes)};
    shown.end_user = "user-" + std::to_string(number);
    shown.provider = all->opened.provider.id;
    shown.org_id = who->org_id;
    shown.user_id = who->user_id;
    shown.instance_url = text_of(answer, "instance_url");
    shown.scopes = all->opened.provider.scopes;
    shown.connected_at = clock.wall();

    GrantRow facts;
    facts.key = GrantKey{shown.id, Epoch{1}};
    facts.provider = shown.provider;
    facts.login_url = all->opened.provider.login_url.value_or(shown.instance_url);
    facts.instance_url = shown.instance_url;
    facts.org_id = shown.org_id;
    facts.user_id = shown.user_id;
    facts.scopes = shown.scopes;

    FreshTokens fresh;
    fresh.access_token = Secret{text_of(answer, "access_token")};
    fresh.refresh_token = Secret{text_of(answer, "refresh_token")};
    fresh.instance_url = shown.instance_url;
    fresh.scopes = shown.scopes;
    fresh.received_at = clock.wall();
    if (all->due == Due::yes) fresh.expires_at = clock.wall() - 1s;

    auto kept = co_await all->vault.keep_candidate(facts, fresh, clock.in(patience));
    if (!kept) co_return kept.error();
    auto current = co_await all->vault.promote(facts.key, shown, clock.in(patience));
    if (!current) co_return current.error();
    all->ids << shown.id.text << '\n';
    co_return Result<void>{};
}

Async<void> work(std::shared_ptr<Seeding> all) {
    while (!all->failed && all->next < all->answers.size()) {
        const auto number = all->next++;
        auto made = co_await connect(all, number);
        if (!made && !all->failed) all->failed = made.error();
        if (made) ++all->done;
    }
}

}  // namespace

Result<std::size_t> seed(const std::string& config_file, std::istream& answers, std::ostream& ids,
                         Due due) {
    auto opened = open(config_file);
    if (!opened) return opened.error();
    std::vector<std::string> lines;
    for (std::string line; std::getline(answers, line);) lines.push_back(std::move(line));

    boost::asio::io_context loop;
    auto all = std::make_shared<Seeding>(std::move(*opened), std::move(lines), ids, due);
    std::size_t working = at_once;
    for (std::size_t i = 0; i < at_once; ++i) {
        boost::asio::co_spawn(loop, work(all), [&working](const std::exception_ptr& thrown) {
            --working;
            if (thrown) std::rethrow_exception(thrown);
        });
    }
    // The store answers from threads or sockets of its own.
    while (working > 0) loop.run_one();
    ids.flush();
    if (all->failed) return *all->failed;
    return all->done;
}

}  // namespace latchkey::bench
