#include "store/errors.h"
#include "store/packed_list.h"
#include "store/postgres/ports.h"
#include "store/stored_rows.h"

namespace latchkey::postgres {
namespace {

class Keys final : public KeyStore {
public:
    explicit Keys(Bench& bench) : bench_(bench) {}

    Task<Installation> installation(Deadline by) override {
        auto question = reading("SELECT id, incarnation FROM latchkey.installation");
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        if (!found->next()) co_return store_error::damaged("it has no installation row");
        Installation installation;
        installation.id = found->text();
        installation.incarnation = found->number();
        co_return installation;
    }

    Task<std::vector<SealedKey>> all(Deadline by) override {
        auto question =
            reading("SELECT id, sealed, created_at FROM latchkey.sealing_keys ORDER BY position");
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::vector<SealedKey> keys;
        while (found->next()) {
            SealedKey key;
            key.id = found->text();
            key.key = found->sealed();
            key.created_at = found->time();
            keys.push_back(std::move(key));
        }
        co_return keys;
    }

    Task<void> add(SealedKey key, Deadline by) override {
        auto insert = writing(
            "INSERT INTO latchkey.sealing_keys (id, sealed, created_at) SELECT $1, $2, $3"
            " WHERE (SELECT latchkey.durable_timeline()) IS NOT NULL"
            " ON CONFLICT (id) DO NOTHING RETURNING 1");
        insert.given.word(key.id).sealed(key.key).time(key.created_at);
        auto made = co_await bench_.pool.ask(std::move(insert), by);
        if (!made) co_return made.error();
        if (made->size() == 0) co_return store_error::key_exists();
        co_return Result<void>{};
    }

    Task<bool> empty(Deadline by) override {
        auto question = reading(
            "SELECT NOT (EXISTS (SELECT 1 FROM latchkey.grants)"
            " OR EXISTS (SELECT 1 FROM latchkey.flows)"
            " OR EXISTS (SELECT 1 FROM latchkey.api_keys)), latchkey.present_timeline()");
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        found->next();
        co_return found->truth();
    }

private:
    Bench& bench_;
};

/// Every look reads the primary, so a revoked key is refused on all nodes from the next look on.
class ApiKeyRows final : public ApiKeyStore {
public:
    explicit ApiKeyRows(Bench& bench) : bench_(bench) {}

    Task<void> insert(ApiKeyRow key, Deadline by) override {
        auto insert = writing(
            "INSERT INTO latchkey.api_keys (tenant, id, secret_hash, label, permissions,"
            " created_at, revoked_at, rules) SELECT $1, $2, $3, $4, $5, $6, $7, $8"
            " WHERE (SELECT latchkey.durable_timeline()) IS NOT NULL"
            " ON CONFLICT (tenant, id) DO NOTHING RETURNING 1");
        insert.given.word(default_tenant)
            .bytes(key.id.text)
            .bytes(key.secret_hash)
            .bytes(key.label)
            .bytes(pack(key.permissions))
            .time(key.created_at)
            .time(key.revoked_at)
            .word(key.rules);
        auto made = co_await bench_.pool.ask(std::move(insert), by);
        if (!made) co_return made.error();
        if (made->size() == 0) co_return store_error::api_key_exists();
        co_return Result<void>{};
    }

    Task<ApiKeyRow> find(ApiKeyId id, Deadline by) override {
        auto question = reading("SELECT " LATCHKEY_API_KEY_COLUMNS
                                " FROM latchkey.api_keys WHERE tenant = $1 AND id = $2");
        question.given.word(default_tenant).bytes(id.text);
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        if (!found->next()) co_return store_error::no_api_key();
        co_return stored::read_api_key(*found);
    }

    Task<std::vector<ApiKeyRow>> all(Deadline by) override {
        auto question =
            reading("SELECT " LATCHKEY_API_KEY_COLUMNS
                    " FROM latchkey.api_keys WHERE tenant = $1 ORDER BY created_at, id LIMIT $2");
        question.given.word(default_tenant).number(std::int64_t{most_listed_keys});
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::vector<ApiKeyRow> keys;
        while (found->next()) keys.push_back(stored::read_api_key(*found));
        co_return keys;
    }

    Task<void> revoke(ApiKeyId id, WallTime at, Deadline by) override {
        auto revoke = writing(
            "UPDATE latchkey.api_keys SET revoked_at = COALESCE(revoked_at, $3)"
            " WHERE tenant = $1 AND id = $2 AND (SELECT latchkey.durable_timeline()) IS NOT NULL"
            " RETURNING 1");
        revoke.given.word(default_tenant).bytes(id.text).time(at);
        auto done = co_await bench_.pool.ask(std::move(revoke), by);
        if (!done) co_return done.error();
        if (done->size() == 0) co_return store_error::no_api_key();
        co_return Result<void>{};
    }

private:
    Bench& bench_;
};

}  // namespace

std::unique_ptr<KeyStore> make_keys(Bench& bench) {
    return std::make_unique<Keys>(bench);
}
std::unique_ptr<ApiKeyStore> make_api_keys(Bench& bench) {
    return std::make_unique<ApiKeyRows>(bench);
}

}  // namespace latchkey::postgres
