#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "crypto/key_ring.h"
#include "refresh/pretend_salesforce.h"
#include "refresh/refresher.h"
#include "store/memory_journal.h"
#include "store/memory_store.h"
#include "tests/support/fake_clock.h"
#include "vault/vault.h"

namespace latchkey::test {

/// The same bytes in every run.
class SameRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override {
        for (auto& byte : out) byte = static_cast<std::byte>(numbers_() & 255);
    }

private:
    std::mt19937_64 numbers_{20260101};
};

/// Counts records by their name, and keeps what they say.
class CountingLog final : public Log {
public:
    void write(Level, std::string_view event,
               std::initializer_list<Field> fields) noexcept override {
        ++counts[std::string{event}];
        text.append(event);
        for (const auto& field : fields)
            text.append(" ").append(field.name).append("=").append(field.value);
        text.append("\n");
    }
    std::map<std::string, int> counts;
    std::string text;
};

/// Counts numbers by their name and labels, as one text.
class CountingMeter final : public Meter {
public:
    void count(std::string_view name, std::initializer_list<Label> labels) noexcept override {
        std::string text{name};
        for (const auto& label : labels)
            text.append(" ").append(label.name).append("=").append(label.value);
        ++counts[text];
    }
    void took(std::string_view name, std::initializer_list<Label> labels,
              std::chrono::duration<double> time) noexcept override {
        count(name, labels);
        longest = std::max(longest, time);
    }
    std::map<std::string, int> counts;
    std::chrono::duration<double> longest{0};
};

namespace detail {
template <class T>
Async<void> deliver(Async<T> work, std::shared_ptr<std::optional<T>> into) {
    auto value = co_await std::move(work);
    into->emplace(std::move(value));
}
}  // namespace detail

/// A refresher on a store in memory, in front of a pretended Salesforce. Time stands still while
/// anything can happen without it, and moves on when everybody waits.
struct Bench {
    boost::asio::io_context loop;
    FakeClock clock;
    SameRandom random;
    CountingLog log;
    CountingMeter meter;
    NoStops stops;
    MemoryStore store{clock, random};
    KeyRing keys = one_key();
    MemoryJournal journal{NodeId{"node-1"}, clock};
    Vault vault{store, journal, keys, "installation", random, clock};
    PretendSalesforce salesforce{loop, clock};
    TokenEndpoint endpoint{salesforce, clock};
    Providers providers{{provider()}};
    std::unique_ptr<Refresher> refresher = start();

    static KeyRing one_key() {
        KeyRing ring;
        ring.add("00000001", Secret{std::string(32, 'k')}).value();
        return ring;
    }

    static Provider provider() {
        Provider made;
        made.id = ProviderId{"salesforce"};
        made.client_id = "3MVG9client";
        made.proof = SecretProof{Secret{"client secret"}};
        made.login_url = "https://login.salesforce.com";
        made.redirect_uri = "https://app.example.com/callback";
        return made;
    }

    std::unique_ptr<Refresher> start() {
        RefresherParts parts{loop,  vault,  store, journal, endpoint, providers,
                             clock, random, log,   stops,   {},       meter};
        return std::make_unique<Refresher>(std::move(parts));
    }

    /// As after the process died and another one began: what it remembered is gone.
    void restart() {
        refresher = start();
        REQUIRE(run(refresher->recover(clock.in(std::chrono::minutes{1}))).has_value());
    }

    /// The registration as the operator has it from now on.
    void use(Provider changed) { providers = Providers{{std::move(changed)}}; }

    ConnectionId connect(const std::string& user = "ada",
                         std::optional<std::chrono::seconds> lives = std::nullopt) {
        const ConnectionId id{"cn_" + user};
        GrantRow facts;
        facts.key = GrantKey{id, Epoch{1}};
        keep_consent(facts, user, lives);
        return id;
    }

    /// The user connects again: a grant of the next epoch replaces the present one.
    void reconnect(const ConnectionId& who) {
        GrantRow facts;
        facts.key = GrantKey{who, row(who).key.epoch.next()};
        keep_consent(facts, "again", std::nullopt);
        refresher->forget(who);
    }

    GrantRow row(const ConnectionId& who) {
        return run(store.grants().find(who, clock.in(std::chrono::seconds{5}))).value();
    }
    GrantRow row(const GrantKey& key) {
        return run(store.grants().find(key, clock.in(std::chrono::seconds{5}))).value();
    }
    std::string stored_refresh_token(const ConnectionId& who) {
        auto grant = run(vault.open(who, clock.in(std::chrono::seconds{5}))).value();
        return std::string{grant.refresh_token.value().reveal()};
    }

    Result<AccessToken> token(const ConnectionId& who, TokenDemand demand = {},
                              std::chrono::milliseconds wait = std::chrono::seconds{60}) {
        return run(refresher->token(who, demand, clock.in(wait)));
    }
    /// As the gateway asks after the API refused the present token.
    Result<AccessToken> newer(const ConnectionId& who,
                              std::chrono::milliseconds wait = std::chrono::seconds{60}) {
        return token(who, TokenDemand::newer(row(who).generation), wait);
    }

    template <class T>
    std::shared_ptr<std::optional<T>> begin(Async<T> work) {
        auto into = std::make_shared<std::optional<T>>();
        boost::asio::co_spawn(loop, detail::deliver(std::move(work), into), boost::asio::detached);
        return into;
    }

    template <class T>
    T run(Async<T> work) {
        auto into = begin(std::move(work));
        for (int i = 0; i < 100000 && !*into; ++i)
            if (!poll()) clock.advance(std::chrono::milliseconds{50});
        REQUIRE(into->has_value());
        return std::move(**into);
    }

    /// Everything that can happen now; false if nothing could.
    bool poll() {
        loop.restart();
        return loop.poll() != 0;
    }
    void settle() {
        while (poll()) {
        }
    }
    /// Time passes, in steps, and what is due happens.
    void pass(std::chrono::milliseconds time) {
        const std::chrono::milliseconds step{time > std::chrono::minutes{2} ? 1000 : 250};
        for (; time.count() > 0; time -= step) {
            settle();
            clock.advance(std::min(time, step));
        }
        settle();
    }
    /// The resolver runs from now on.
    void begin_resolving() { boost::asio::co_spawn(loop, refresher->run(), boost::asio::detached); }

    /// The process ends in order: whoever stands in a line is let go.
    void end() {
        boost::asio::co_spawn(loop, refresher->stop(clock.in(std::chrono::seconds{1})),
                              boost::asio::detached);
        settle();
    }

    std::size_t unclosed_records() {
        auto all = run(journal.read(0, 1000, clock.in(std::chrono::seconds{5}))).value();
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [](const auto& r) { return !r.closed; }));
    }

private:
    void keep_consent(GrantRow facts, const std::string& user,
                      std::optional<std::chrono::seconds> lives) {
        facts.provider = ProviderId{"salesforce"};
        facts.login_url = "https://login.salesforce.com";
        facts.instance_url = salesforce.instance_url;
        facts.org_id = salesforce.org;
        facts.user_id = salesforce.user;
        facts.scopes = {"api", "refresh_token", "id"};
        FreshTokens fresh;
        fresh.access_token = Secret{"00Dfirst." + user};
        fresh.refresh_token = Secret{salesforce.consent()};
        fresh.instance_url = facts.instance_url;
        fresh.scopes = facts.scopes;
        fresh.received_at = clock.wall();
        if (lives) fresh.expires_at = clock.wall() + *lives;
        Connection shown;
        shown.id = facts.key.connection;
        shown.end_user = user;
        shown.provider = facts.provider;
        shown.org_id = facts.org_id;
        shown.user_id = facts.user_id;
        shown.instance_url = facts.instance_url;
        shown.scopes = facts.scopes;
        shown.connected_at = clock.wall();
        const auto by = clock.in(std::chrono::seconds{5});
        run(vault.keep_candidate(facts, fresh, by)).value();
        run(vault.promote(facts.key, shown, by)).value();
    }
};

}  // namespace latchkey::test
