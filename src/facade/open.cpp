#include <cstdint>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <latchkey/journal.h>

#include "base/quiet_thread.h"
#include "base/run_here.h"
#include "crypto/master_key.h"
#include "facade/check_egress.h"
#include "facade/check_providers.h"
#include "facade/impl.h"
#include "facade/master_key_file.h"
#include "facade/open_journal.h"
#include "net/tls.h"
#include "store/journal/file_journal.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/sqlite_store.h"
#include "vault/key_ring_loader.h"

// The order in which a house is opened and closed.
namespace latchkey {

namespace {

using namespace std::chrono_literals;

constexpr auto time_to_read = 30s;
constexpr auto time_to_answer = 5s;
constexpr auto time_to_close = 40s;

/// What can be refused before anything is opened or made.
Result<void> check_options(const Options& options) {
    auto providers = check_providers(options.providers);
    if (!providers) return providers.error();
    auto master_key = check_master_key(options.master_key);
    if (!master_key) return master_key.error();
    auto egress = check_egress(options.egress);
    if (!egress) return egress.error();
    if (options.ca_file.empty()) return {};
    const auto trusted = TlsContext::client(options.ca_file);
    if (!trusted) return trusted.error();
    return {};
}

Result<MasterKey> master_key_of(const MasterKeyFile& file, bool store_is_empty, Random& random) {
    auto text = read_master_key_file(file.path);
    if (!text) return text.error();
    if (*text) return MasterKey::parse(**text);
    // A new key beside old data could open none of it, and would hide that the old one is missing.
    if (!file.create || !store_is_empty) {
        return Error{Fault::misconfigured, "master_key_file",
                     store_is_empty
                         ? "There is no master key file. Make one: openssl rand -base64 32 > FILE, "
                           "with mode 0600."
                         : "The master key file is missing, and the store is in use. Put back the "
                           "key that this store was made with."};
    }
    auto made = MasterKey::generate(random);
    const auto kept = make_master_key_file(file.path, made.text());
    if (!kept) return kept.error();
    return made;
}

/// A file of SQLite, whose node has the name that is in it. The journal is opened when the store has
/// given away what former versions kept in the file.
Result<void> open_file(Ground& ground, const Options& options, WhereMoved moved) {
    SqliteOptions file{options.database};
    file.even_if_moved = moved == WhereMoved::open;
    file.hand_over = [&](const FormerJournal& former) {
        ground.log.write(Level::info, "journal_moved_to_files",
                         {Field{"directory", journal_directory(options)}});
        return FileJournal::take_over(journal_options(options, former.installation, former.node),
                                      former, ground.random, ground.log);
    };
    auto store = SqliteStore::open(std::move(file), ground.clock, ground.random, ground.log);
    if (!store) return store.error();
    const auto node = (*store)->node();
    ground.store = std::move(*store);
    boost::asio::io_context loop;
    auto& keys = ground.store->keys();
    const auto installation = run_here(loop, keys.installation(ground.clock.in(time_to_read)));
    if (!installation) return installation.error();
    const auto empty = run_here(loop, keys.empty(ground.clock.in(time_to_read)));
    if (!empty) return empty.error();
    // A store that was moved without its journal works on, less well protected: somebody should know.
    std::error_code unknown;
    const auto directory = journal_directory(options);
    const bool alone = !*empty && !std::filesystem::exists(directory, unknown);
    const auto opened = open_journal(ground, journal_options(options, installation->id, node));
    if (opened && alone)
        ground.log.write(Level::warning, "journal_begun_anew", {Field{"directory", directory}});
    return opened;
}

/// The database is everybody's; the journal, and with it the node's name, is this node's own.
Result<void> open_shared(Ground& ground, const Options& options) {
    PostgresOptions wanted{options.shared_database->dsn};
    wanted.accept_async_replication = options.shared_database->accept_async_replication;
    auto store = PostgresStore::open(std::move(wanted), ground.clock, ground.random, ground.log);
    if (!store) return store.error();
    // A journal belongs to one installation, so that a node can never settle another one's rows.
    boost::asio::io_context loop;
    auto& keys = (*store)->keys();
    const auto installation = run_here(loop, keys.installation(ground.clock.in(time_to_read)));
    if (!installation) return installation.error();
    ground.store = std::move(*store);
    return open_journal(ground, journal_options(options, installation->id, NodeId{}));
}

/// Runs a loop to its end, whatever is thrown in it.
void serve(boost::asio::io_context& loop, House& house) {
    for (;;) {
        try {
            loop.run();
            return;
        } catch (const std::exception& thrown) {
            house.bug(thrown.what());
        }
    }
}

/// The journal's one thread takes one call after the other.
Task<void> become_quiet(Ground& ground, Deadline by) {
    auto journal = co_await ground.journal->read(std::numeric_limits<std::int64_t>::max(), 1, by);
    if (!journal) co_return journal.error();
    co_return co_await ground.store->quiet(by);
}

/// Returns when all that store and journal were asked before has been answered.
void await_the_store(Ground& ground) {
    boost::asio::io_context loop;
    const auto last = run_here(loop, become_quiet(ground, ground.clock.in(time_to_answer)));
    if (!last) {
        ground.log.write(Level::warning, "store_slow_at_the_end",
                         {Field{"code", last.error().code}});
    }
}

}  // namespace

Result<void> open_store(Ground& ground, const Options& options, WhereMoved moved) {
    if (!options.shared_database) return open_file(ground, options, moved);
    if (!options.database.empty() || options.journal_directory.empty())
        return Error{Fault::misconfigured, "store_and_journal",
                     "A shared database needs a journal directory of this node's own, and no "
                     "database file."};
    return open_shared(ground, options);
}

Result<void> open_keys(Ground& ground, const MasterKeySource& source) {
    boost::asio::io_context loop;
    const auto by = ground.clock.in(time_to_read);
    auto& keys = ground.store->keys();
    auto installation = run_here(loop, keys.installation(by));
    if (!installation) return installation.error();
    ground.installation = std::move(*installation);
    const auto empty = run_here(loop, keys.empty(by));
    if (!empty) return empty.error();
    // An answer that no row has yet is sealed under the key that is missing.
    const bool unused = *empty && ground.journal_files->health().records == 0;

    const auto* file = std::get_if<MasterKeyFile>(&source);
    auto master = file != nullptr ? master_key_of(*file, unused, ground.random)
                                  : MasterKey::parse(std::get<MasterKeyBytes>(source).key);
    if (!master) return master.error();
    auto ring = run_here(loop, load_key_ring(keys, *master, ground.random, ground.clock, by));
    if (!ring) return ring.error();
    ground.keys = std::move(*ring);
    ground.master = std::move(*master);
    // Keys that this store has forgotten may have sealed what is in the journal.
    for (const auto& kept : ground.kept_keys->keys()) {
        if (ground.keys.has(kept.id)) continue;
        const auto read = take_up(ground.keys, {kept}, *ground.master, ground.installation.id);
        if (!read)
            ground.log.write(Level::error, "sealing_key_unreadable",
                             {Field{"code", read.error().code}, Field{"key", kept.id}});
    }
    return {};
}

Result<void> read_new_keys(Ground& ground) {
    boost::asio::io_context loop;
    auto kept = run_here(loop, ground.store->keys().all(ground.clock.in(time_to_read)));
    if (!kept) return kept.error();
    const auto read = take_up(ground.keys, *kept, *ground.master, ground.installation.id);
    if (!read) return read.error();
    return ground.keys.seal_with(read->sealing);
}

Result<std::unique_ptr<Latchkey>> Latchkey::open(Options options) {
    const auto checked = check_options(options);
    if (!checked) return checked.error();
    auto ground = std::make_unique<Ground>(options);
    const auto stored = open_store(*ground, options);
    if (!stored) return stored.error();
    const auto opened = open_keys(*ground, options.master_key);
    if (!opened) return opened.error();
    const auto joined = join_the_others(*ground);
    if (!joined) return joined.error();
    const auto keys = read_new_keys(*ground);
    if (!keys) return keys.error();
    const auto switches = read_kill_switches(*ground);
    if (!switches) return switches.error();
    const auto settled = settle_the_past(*ground);
    if (!settled) return settled.error();

    std::unique_ptr<Impl::OwnLoop> own;
    if (options.loop == nullptr) own = std::make_unique<Impl::OwnLoop>();
    auto& loop = own ? own->loop : *options.loop;
    auto house = std::make_shared<House>(std::move(ground), loop);
    start_housework(house);
    if (own)
        own->thread =
            quiet_thread([serving = &own->loop, house = house.get()] { serve(*serving, *house); });
    auto impl = std::make_unique<Impl>(std::move(own), std::move(house));
    return std::unique_ptr<Latchkey>(new Latchkey(std::move(impl)));
}

Latchkey::Latchkey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Async<void> Latchkey::async_close(Deadline by) {
    impl_->closed = true;
    co_await close_house(impl_->house, by);
}

Latchkey::~Latchkey() {
    auto& loop = impl_->house->loop();
    if (!impl_->own) {
        // The loop is the program's: it finishes the closing when it runs, and nobody can wait here.
        // But a program may also end it as it is, so nothing may come back to it from the store's
        // thread afterwards.
        await_the_store(impl_->house->ground());
        if (impl_->closed) return;
        boost::asio::co_spawn(loop, close_house(impl_->house, Deadline::in(time_to_close)),
                              boost::asio::detached);
        return;
    }
    boost::asio::co_spawn(loop, close_house(impl_->house, Deadline::in(time_to_close)),
                          [&loop](const std::exception_ptr&) {
                              loop.stop();  // also where something is left after the time to close
                          });
    impl_->own->thread.join();
}

}  // namespace latchkey
