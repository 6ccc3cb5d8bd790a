#include "tests/crash/node.h"

#include <csignal>
#include <cstdlib>
#include <fstream>

#include <unistd.h>

#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "net/net_transport.h"
#include "refresh/refresher.h"
#include "tests/crash/crash_disk.h"
#include "tests/crash/crash_stream.h"
#include "tests/support/run.h"

using namespace std::chrono_literals;

namespace latchkey::test {

void KillingStops::reached(std::string_view point) {
    if (point == at_) ::kill(::getpid(), SIGKILL);
}

Keeping::Keeping(const std::string& file, Stops& stops)
    : sqlite(SqliteStore::open(SqliteOptions{file}, clock, random, log).value()),
      store(*sqlite, stops),
      place(journal::Place::take(file + ".journal", log).value()) {
    keys.add("00000001", Secret{std::string(32, 'k')}).value();
    const auto installation = run(loop, store.keys().installation(clock.in(5s))).value();
    FileJournalOptions options{file + ".journal", installation.id};
    options.node = sqlite->node();
    auto disk = journal::RealDisk::open(options.directory).value();
    auto stopping = std::make_unique<StoppingDisk>(std::move(disk), stops);
    journal = FileJournal::open_on(std::move(stopping), options, clock, random, log).value();
    vault = std::make_unique<Vault>(store, *journal, keys, installation.id, random, clock);
}

Provider crash_provider(const std::string& emulator_url) {
    Provider provider;
    provider.id = ProviderId{"salesforce"};
    provider.client_id = "latchkey-demo";
    provider.proof = SecretProof{Secret{"latchkey-demo-secret"}};
    provider.login_url = emulator_url;
    provider.redirect_uri = "http://127.0.0.1:8717/oauth/callback/salesforce";
    return provider;
}

namespace {

std::string told(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string{value};
}

ProtocolTimes short_times() {
    ProtocolTimes times;
    times.quiet = 500ms;
    times.resolve_every = 50ms;
    times.resolver_silent = 500ms;
    times.resolve_backoff = 200ms;
    times.rotate_at_most_every = 0ms;
    times.remember = 0ms;
    return times;
}

/// Waits until nothing about the row is in doubt any more; bounded.
Async<State> settled_state(Store& store, Clock& clock) {
    State state = State::uncertain;
    for (int i = 0; i < 200; ++i) {
        auto row = co_await store.grants().find(crash_connection, clock.in(5s));
        if (row) state = row->state;
        if (row && state != State::uncertain && state != State::in_flight) break;
        co_await clock.sleep_until(clock.steady() + 50ms);
    }
    co_return state;
}

Async<bool> refresh_works(TokenSource& refresher, Store& store, Clock& clock) {
    auto row = co_await store.grants().find(crash_connection, clock.in(5s));
    if (!row) co_return false;
    const auto demand = TokenDemand::newer(row->generation);
    auto token = co_await refresher.token(crash_connection, demand, clock.in(10s));
    co_return token.has_value() && token->generation > row->generation;
}

void write_report(const std::string& file, const GrantRow& row, bool refreshed) {
    std::ofstream out{file};
    out << name(row.state) << ' ' << (row.reason.empty() ? "-" : row.reason) << ' '
        << row.generation.value << ' ' << refreshed << '\n';
}

}  // namespace

/// Not a test by itself: crash_test.cpp starts this binary again to run it as a process of its own,
/// which is told by its environment where its store is and at which point it dies.
TEST_CASE("a node of the crash tests" * doctest::skip()) {
    KillingStops stops{told("LATCHKEY_CRASH_AT")};
    Keeping keep{told("LATCHKEY_CRASH_STORE"), stops};
    const auto url = told("LATCHKEY_CRASH_EMULATOR");
    NetOptions options;
    options.private_origins = {Origin::parse(url).value()};
    options.wrap = [&](std::unique_ptr<Stream> inner) -> std::unique_ptr<Stream> {
        return std::make_unique<StoppingStream>(std::move(inner), stops);
    };
    NetTransport transport{std::move(options), keep.clock};
    TokenEndpoint endpoint{transport, keep.clock};
    Providers providers{{crash_provider(url)}};
    RefresherParts parts{keep.loop, *keep.vault, keep.store,   *keep.journal,
                         endpoint,  providers,   keep.clock,   keep.random,
                         keep.log,  stops,       short_times()};
    Refresher refresher{std::move(parts)};
    REQUIRE(run(keep.loop, refresher.recover(keep.clock.in(10s))).has_value());
    boost::asio::co_spawn(keep.loop, refresher.run(), boost::asio::detached);

    // An attempt that was interrupted is resolved before anything else can be refreshed.
    const auto state = run(keep.loop, settled_state(keep.store, keep.clock));
    bool refreshed = false;
    if (state == State::active)
        refreshed = run(keep.loop, refresh_works(refresher, keep.store, keep.clock));
    const auto row = run(keep.loop, keep.store.grants().find(crash_connection, keep.clock.in(5s)));
    write_report(told("LATCHKEY_CRASH_REPORT"), row.value(), refreshed);
    boost::asio::co_spawn(keep.loop, refresher.stop(keep.clock.in(1s)), boost::asio::detached);
    keep.loop.restart();
    keep.loop.run_for(2s);
}

}  // namespace latchkey::test
