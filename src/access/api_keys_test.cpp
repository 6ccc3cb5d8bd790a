#include "access/api_keys.h"

#include <vector>

#include <doctest/doctest.h>

#include "base/text.h"
#include "store/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

struct Bench {
    boost::asio::io_context loop{1};
    FakeClock clock;
    SystemRandom random;
    MemoryStore store{clock, random};
    KeyRing keys;
    ApiKeys access{store.api_keys(), keys, random, clock};

    Bench() { REQUIRE(keys.add("0a1b2c3d", Secret{std::string(32, 'k')}).has_value()); }

    Deadline by() const { return clock.in(std::chrono::seconds{5}); }

    CreatedKey create(std::set<Permission> permissions = {Permission::read}) {
        return make(ApiKeyWish{"label", std::move(permissions)}).value();
    }
    Result<CreatedKey> make(ApiKeyWish wish) {
        return run(loop, access.create(std::move(wish), by()));
    }
    Result<Caller> check(const Secret& key) { return run(loop, access.check(key, by())); }
    std::string refusal(const Secret& key) {
        const auto caller = check(key);
        if (caller.has_value()) return {};
        return std::string{name(caller.error().fault)} + " " + caller.error().code + " " +
               caller.error().message;
    }
    std::size_t look_ups() const { return store.calls("api_keys.find"); }
};

/// A store whose answers to `find` are on their way for 10 ms.
class SlowAnswers final : public ApiKeyStore {
public:
    SlowAnswers(ApiKeyStore& inner, Clock& clock) : inner_(inner), clock_(clock) {}
    Task<void> insert(ApiKeyRow key, Deadline by) override {
        return inner_.insert(std::move(key), by);
    }
    Task<ApiKeyRow> find(ApiKeyId id, Deadline by) override {
        auto row = co_await inner_.find(std::move(id), by);
        co_await clock_.sleep_until(clock_.steady() + std::chrono::milliseconds{10});
        co_return row;
    }
    Task<std::vector<ApiKeyRow>> all(Deadline by) override { return inner_.all(by); }
    Task<void> revoke(ApiKeyId id, WallTime at, Deadline by) override {
        return inner_.revoke(std::move(id), at, by);
    }

private:
    ApiKeyStore& inner_;
    Clock& clock_;
};

const std::string refused =
    "denied invalid_api_key The API key is missing or not valid. Send Authorization: Bearer and a "
    "key.";

}  // namespace

TEST_CASE("a created key is good and may do what it was made for") {
    Bench bench;
    const auto created = bench.create({Permission::token, Permission::connect});
    const std::string key{created.key.reveal()};
    CHECK(key.size() == 59);
    CHECK(key.substr(0, 16) == "lk_" + created.row.id.text + "_");
    const auto caller = bench.check(created.key);
    REQUIRE(caller.has_value());
    CHECK(caller->key == created.row.id);
    CHECK(caller->may(Permission::token));
    CHECK(caller->may(Permission::connect));
    CHECK_FALSE(caller->may(Permission::read));
    CHECK_FALSE(caller->may(Permission::proxy));
    CHECK_FALSE(caller->may(Permission::admin));
}

TEST_CASE("a key without named permissions may proxy and nothing else") {
    Bench bench;
    const auto caller = bench.check(bench.create({}).key);
    REQUIRE(caller.has_value());
    CHECK(caller->permissions == std::set<Permission>{Permission::proxy});
}

TEST_CASE("no permission implies another, and an unknown word is none") {
    for (const auto permission : {Permission::connect, Permission::read, Permission::token,
                                  Permission::proxy, Permission::admin}) {
        CHECK(permission_of(name(permission)).value() == permission);
        Bench bench;
        CHECK(bench.check(bench.create({permission}).key)->permissions.size() == 1);
    }
    CHECK(permission_of("root").error().code == "invalid_permission");
    CHECK(permission_of("").error().fault == Fault::bad_input);
}

TEST_CASE("a label has at most 100 bytes") {
    Bench bench;
    CHECK(bench.make(ApiKeyWish{std::string(101, 'x'), {}}).error().code == "invalid_label");
    CHECK(bench.make(ApiKeyWish{std::string(100, 'x'), {}}).has_value());
}

TEST_CASE("F1: missing, malformed, unknown, wrong and revoked keys are refused alike") {
    Bench bench;
    const auto good = bench.create();
    const auto revoked = bench.create();
    REQUIRE(run(bench.loop, bench.access.revoke(revoked.row.id, bench.by())).has_value());

    const std::string key{good.key.reveal()};
    std::string wrong_secret = key;
    wrong_secret.back() = wrong_secret.back() == 'A' ? 'E' : 'A';
    std::string unknown_id = key;
    unknown_id.replace(3, 12, "zzzzzzzzzzzz");
    std::string swapped{revoked.key.reveal()};
    swapped.replace(16, 43, key.substr(16));
    std::vector<std::string> bad{"",
                                 "lk_",
                                 key.substr(0, 58),
                                 key + "x",
                                 " " + key,
                                 ascii_lower(key.substr(0, 2)) + "-" + key.substr(3),
                                 "LK_" + key.substr(3),
                                 std::string(59, '_'),
                                 std::string(1 << 20, 'a'),
                                 std::string(59, '\0'),
                                 wrong_secret,
                                 unknown_id,
                                 swapped,
                                 std::string{revoked.key.reveal()}};
    for (const auto& text : bad) {
        CAPTURE(text.substr(0, 80));
        // The same error and the same work: one look-up in the store each, nothing remembered.
        for (int again = 0; again < 2; ++again) {
            const auto before = bench.look_ups();
            CHECK(bench.refusal(Secret{text}) == refused);
            CHECK(bench.look_ups() == before + 1);
        }
    }
    CHECK(bench.check(good.key).has_value());
}

TEST_CASE("F1: a wrong secret costs a look-up even while the right key is remembered") {
    Bench bench;
    const auto good = bench.create();
    REQUIRE(bench.check(good.key).has_value());
    std::string wrong{good.key.reveal()};
    wrong.back() = wrong.back() == 'A' ? 'E' : 'A';
    const auto before = bench.look_ups();
    CHECK(bench.refusal(Secret{wrong}) == refused);
    CHECK(bench.look_ups() == before + 1);
}

TEST_CASE("the stand-in for malformed keys is nobody's, even if somebody has its id") {
    Bench bench;
    ApiKeyRow row;
    row.id = ApiKeyId{"000000000000"};
    row.permissions = {"admin"};
    row.secret_hash =
        bench.keys.keyed_hash("api key", Secret{"lk_000000000000_" + std::string(43, 'A')}).value();
    REQUIRE(run(bench.loop, bench.store.api_keys().insert(row, bench.by())).has_value());
    // The key itself is good here, so it is remembered; a malformed one still is nobody.
    REQUIRE(bench.check(Secret{"lk_000000000000_" + std::string(43, 'A')}).has_value());
    CHECK(bench.refusal(Secret{""}) == refused);
    CHECK(bench.refusal(Secret{"garbage"}) == refused);
}

TEST_CASE("F2: the store holds no key, only a hash that another key ring cannot make") {
    Bench bench;
    const auto created = bench.create();
    const auto row = run(bench.loop, bench.store.api_keys().all(bench.by())).value().at(0);
    const std::string secret{created.key.reveal().substr(16)};
    CHECK(row.secret_hash.find(secret) == std::string::npos);
    CHECK(row.label.find(secret) == std::string::npos);
    CHECK(row.id.text.find(secret) == std::string::npos);

    KeyRing thief;
    REQUIRE(thief.add("0a1b2c3d", Secret{std::string(32, 't')}).has_value());
    ApiKeys theirs{bench.store.api_keys(), thief, bench.random, bench.clock};
    CHECK(run(bench.loop, theirs.check(created.key, bench.by())).error().code == "invalid_api_key");
    // The hash itself, presented as the secret, opens nothing either.
    CHECK(bench.refusal(Secret{"lk_" + row.id.text + "_" + row.secret_hash}) == refused);
}

TEST_CASE("a good key is remembered for a second, then asked for again") {
    Bench bench;
    const auto created = bench.create();
    REQUIRE(bench.check(created.key).has_value());
    REQUIRE(bench.check(created.key).has_value());
    CHECK(bench.look_ups() == 1);
    bench.clock.advance(std::chrono::milliseconds{999});
    REQUIRE(bench.check(created.key).has_value());
    CHECK(bench.look_ups() == 1);
    bench.clock.advance(std::chrono::milliseconds{1});
    REQUIRE(bench.check(created.key).has_value());
    CHECK(bench.look_ups() == 2);
}

TEST_CASE("F4: a key revoked here is refused at once, one revoked elsewhere within a second") {
    Bench bench;
    const auto here = bench.create();
    const auto elsewhere = bench.create();
    REQUIRE(bench.check(here.key).has_value());
    REQUIRE(bench.check(elsewhere.key).has_value());

    REQUIRE(run(bench.loop, bench.access.revoke(here.row.id, bench.by())).has_value());
    CHECK(bench.refusal(here.key) == refused);

    REQUIRE(run(bench.loop,
                bench.store.api_keys().revoke(elsewhere.row.id, bench.clock.wall(), bench.by()))
                .has_value());
    bench.clock.advance(std::chrono::seconds{1});
    CHECK(bench.refusal(elsewhere.key) == refused);
}

TEST_CASE("F4: a check that read the key before its revocation does not bring it back") {
    Bench bench;
    const auto created = bench.create();
    SlowAnswers slow{bench.store.api_keys(), bench.clock};
    ApiKeys access{slow, bench.keys, bench.random, bench.clock};

    bool early = false;
    boost::asio::co_spawn(
        bench.loop, access.check(created.key, bench.by()),
        [&](std::exception_ptr, Result<Caller> caller) { early = caller.has_value(); });
    bench.loop.restart();
    while (bench.clock.sleepers() == 0) REQUIRE(bench.loop.run_one() == 1);
    REQUIRE(run(bench.loop, access.revoke(created.row.id, bench.by())).has_value());
    bench.clock.advance(std::chrono::milliseconds{10});
    bench.loop.restart();
    bench.loop.run();
    REQUIRE(early);

    // Nothing was remembered: the store is asked, and says no.
    const auto before = bench.look_ups();
    boost::asio::co_spawn(
        bench.loop, access.check(created.key, bench.by()),
        [&](std::exception_ptr, Result<Caller> caller) { early = caller.has_value(); });
    bench.loop.restart();
    bench.loop.poll();
    bench.clock.advance(std::chrono::milliseconds{10});
    bench.loop.restart();
    bench.loop.run();
    CHECK_FALSE(early);
    CHECK(bench.look_ups() == before + 1);
}

TEST_CASE("a revocation whose outcome is unknown is asked about again at the next check") {
    Bench bench;
    const auto created = bench.create();
    REQUIRE(bench.check(created.key).has_value());
    bench.store.fail_next("api_keys.revoke", MemoryStore::Trouble::lost_after);
    CHECK(run(bench.loop, bench.access.revoke(created.row.id, bench.by())).error().fault ==
          Fault::outcome_unknown);
    CHECK(bench.refusal(created.key) == refused);
    CHECK(run(bench.loop, bench.access.revoke(ApiKeyId{"none"}, bench.by())).error().code ==
          "api_key_not_found");
}

TEST_CASE("a store that is away is not a wrong key") {
    Bench bench;
    const auto created = bench.create();
    bench.store.fail_next("api_keys.find", MemoryStore::Trouble::unavailable);
    const auto caller = bench.check(created.key);
    REQUIRE_FALSE(caller.has_value());
    CHECK(caller.error().fault == Fault::try_later);
    CHECK(bench.check(created.key).has_value());
}

TEST_CASE("keys are listed with their labels, revoked ones too") {
    Bench bench;
    const auto first = bench.create();
    REQUIRE(run(bench.loop, bench.access.revoke(first.row.id, bench.by())).has_value());
    bench.clock.advance(std::chrono::seconds{1});
    bench.create();
    const auto rows = run(bench.loop, bench.access.list(bench.by())).value();
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].id == first.row.id);
    CHECK(rows[0].revoked_at.has_value());
    CHECK(rows[1].label == "label");
}

TEST_CASE("ids are drawn evenly from 36 letters") {
    Bench bench;
    std::set<char> seen;
    std::set<std::string> ids;
    for (int i = 0; i < 200; ++i) {
        const auto id = bench.create().row.id.text;
        CHECK(id.size() == 12);
        ids.insert(id);
        seen.insert(id.begin(), id.end());
    }
    CHECK(ids.size() == 200);
    CHECK(seen.size() == 36);
}

TEST_CASE("a key without rules has no gate, and one with rules has the same one at each check") {
    Bench bench;
    CHECK(bench.check(bench.create().key)->gate == nullptr);
    ApiKeyWish wish{"narrow", {Permission::proxy}};
    wish.rules.paths.push_back(path_rule_of("allow GET /**").value());
    wish.rules.limits.rate = 5;
    const auto narrow = bench.make(wish).value();
    const auto gate = bench.check(narrow.key)->gate;
    REQUIRE(gate != nullptr);
    CHECK(gate->rules() == wish.rules);
    bench.clock.advance(std::chrono::seconds{5});
    CHECK(bench.check(narrow.key)->gate == gate);
}

TEST_CASE("F11: a key with rules on paths is not made with a permission that leads around them") {
    for (const auto permission : {Permission::token, Permission::admin}) {
        Bench bench;
        ApiKeyWish wish{"sly", {Permission::proxy, permission}};
        wish.rules.limits.rate = 5;
        CHECK(bench.make(wish).has_value());
        wish.rules.paths.push_back(path_rule_of("allow GET /**").value());
        CHECK(bench.make(wish).error().code == "invalid_rule");
        wish.permissions = {Permission::proxy, Permission::read, Permission::connect};
        CHECK(bench.make(wish).has_value());
    }
}

TEST_CASE("a key whose rules this version cannot read is refused") {
    Bench bench;
    auto row = bench.create().row;
    row.id = ApiKeyId{"abcdefghijkl"};
    row.rules = "{\"v\":2}";
    const Secret key{"lk_abcdefghijkl_" + std::string(43, 'A')};
    row.secret_hash = bench.keys.keyed_hash("api key", key).value();
    REQUIRE(run(bench.loop, bench.store.api_keys().insert(row, bench.by())).has_value());
    CHECK(bench.check(key).error().code == "key_rules_unreadable");
    CHECK(bench.check(key).error().fault == Fault::denied);
}
