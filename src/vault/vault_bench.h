#pragma once

#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "store/memory_journal.h"
#include "store/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "vault/vault.h"

namespace latchkey::test {

/// A vault over a store, for the tests of this room.
struct VaultBench {
    boost::asio::io_context loop{1};
    FakeClock clock;
    SystemRandom random;
    KeyRing keys;

    VaultBench() { REQUIRE(keys.add("0a1b2c3d", Secret{std::string(32, 'k')}).has_value()); }

    Deadline by() const { return clock.in(std::chrono::seconds{5}); }

    template <class T>
    Result<T> get(Task<T> call) {
        return run(loop, std::move(call));
    }
    template <class T>
    T ok(Task<T> call) {
        auto result = get(std::move(call));
        const std::string refused = result.has_error() ? result.error().code : std::string{};
        CAPTURE(refused);
        REQUIRE(result.has_value());
        return std::move(*result);
    }
    void done(Task<void> call) { REQUIRE(get(std::move(call)).has_value()); }
    template <class T>
    std::string refusal(Task<T> call) {
        const auto result = get(std::move(call));
        return result.has_value() ? std::string{} : result.error().code;
    }
};

inline GrantKey key_of(const std::string& connection, std::int64_t epoch = 1) {
    return GrantKey{ConnectionId{connection}, Epoch{epoch}};
}

inline FreshTokens tokens(const std::string& access, const std::string& refresh = {}) {
    FreshTokens fresh;
    fresh.access_token = Secret{access};
    if (!refresh.empty()) fresh.refresh_token = Secret{refresh};
    fresh.received_at = WallTime{std::chrono::seconds{1000}};
    return fresh;
}

inline GrantRow grant_facts(const GrantKey& key) {
    GrantRow facts;
    facts.key = key;
    facts.provider = ProviderId{"salesforce"};
    facts.login_url = "https://login.salesforce.com";
    facts.instance_url = "https://acme.my.salesforce.com";
    return facts;
}

inline Connection plain_facts(const GrantKey& key) {
    Connection facts;
    facts.id = key.connection;
    facts.end_user = "ada";
    return facts;
}

/// Connects (or reconnects) with "access-EPOCH" and "refresh-EPOCH" of this name.
inline Grant connect(VaultBench& bench, Vault& vault, const GrantKey& key) {
    const auto mark = key.connection.text + "-" + std::to_string(key.epoch.value);
    bench.done(vault.keep_candidate(grant_facts(key), tokens("access-" + mark, "refresh-" + mark),
                                    bench.by()));
    bench.ok(vault.promote(key, plain_facts(key), bench.by()));
    return bench.ok(vault.open(key.connection, bench.by()));
}

}  // namespace latchkey::test
