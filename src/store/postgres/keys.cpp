#include "base/text.h"
#include "store/errors.h"
#include "store/packed_list.h"
#include "store/postgres/grant_pages.h"
#include "store/postgres/ports.h"
#include "store/stored_rows.h"

namespace latchkey::postgres {
namespace {

/// One announced key beside another: the index one_announced_key.
constexpr std::string_view unique_violation = "23505";

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
        auto question = reading(
            "SELECT id, sealed, created_at, stage FROM latchkey.sealing_keys"
            " ORDER BY position");
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::vector<SealedKey> keys;
        while (found->next()) {
            SealedKey key;
            key.id = found->text();
            key.key = found->sealed();
            key.created_at = found->time();
            key.stage = stored::key_stage_of(found->text());
            keys.push_back(std::move(key));
        }
        co_return keys;
    }

    Task<void> add(SealedKey key, Deadline by) override {
        auto insert = writing(
            "INSERT INTO latchkey.sealing_keys (id, sealed, created_at, stage)"
            " SELECT $1, $2, $3, $4 WHERE (SELECT latchkey.durable_timeline()) IS NOT NULL"
            " ON CONFLICT (id) DO NOTHING RETURNING 1");
        insert.tolerated = unique_violation;
        insert.given.word(key.id).sealed(key.key).time(key.created_at).word(name(key.stage));
        auto made = co_await bench_.pool.ask(std::move(insert), by);
        if (!made) co_return made.error();
        if (made->refused()) co_return store_error::key_change_under_way();
        if (made->size() == 0) co_return store_error::key_exists();
        co_return Result<void>{};
    }

    Task<void> put_in_use(std::string id, Deadline by) override {
        auto put = writing(
            "UPDATE latchkey.sealing_keys SET stage = 'in_use' WHERE id = $1"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1");
        put.given.word(id);
        auto done = co_await bench_.pool.ask(std::move(put), by);
        if (!done) co_return done.error();
        if (done->size() == 0) co_return store_error::no_key();
        co_return Result<void>{};
    }

    /// All or none, in one statement: ids and keys travel as two lists of equal length.
    Task<void> rewrap(std::vector<SealedKey> keys, Deadline by) override {
        std::string ids;
        std::string sealed;
        for (const auto& key : keys) {
            ids += (ids.empty() ? "" : ",") + key.id;
            sealed += (sealed.empty() ? "" : ",") + hex(key.key.bytes);
        }
        auto rewrap = writing(
            "WITH given AS (SELECT id, pg_catalog.decode(sealed, 'hex') AS key FROM ROWS FROM "
            "(pg_catalog.string_to_table($1, ','),"
            " pg_catalog.string_to_table($2, ',')) AS lists (id, sealed)),"
            " fits AS (SELECT (SELECT pg_catalog.array_agg(id ORDER BY id) FROM given)"
            " = (SELECT pg_catalog.array_agg(id ORDER BY id) FROM latchkey.sealing_keys) AS yes)"
            " UPDATE latchkey.sealing_keys k SET sealed = given.key FROM given, fits"
            " WHERE k.id = given.id AND fits.yes"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1");
        rewrap.given.word(ids).word(sealed);
        auto done = co_await bench_.pool.ask(std::move(rewrap), by);
        if (!done) co_return done.error();
        if (done->size() != keys.size()) co_return store_error::key_conflict();
        co_return Result<void>{};
    }

    Task<std::map<std::string, std::int64_t>> tokens_by_header(std::size_t header_bytes,
                                                               Deadline by) override {
        auto question = reading(
            "SELECT pg_catalog.substr(sealed, 1, $1::pg_catalog.int4) AS header,"
            " pg_catalog.count(*) FROM (SELECT refresh_token AS sealed FROM latchkey.tokens"
            " UNION ALL SELECT access_token FROM latchkey.tokens) every"
            " WHERE sealed IS NOT NULL GROUP BY header");
        question.given.number(static_cast<std::int64_t>(header_bytes));
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::map<std::string, std::int64_t> counts;
        while (found->next()) {
            auto header = found->sealed().bytes;
            counts[std::move(header)] = found->number();
        }
        co_return counts;
    }

    Task<std::vector<GrantRow>> sealed_otherwise(std::string header, GrantKey after,
                                                 std::size_t limit, Deadline by) override {
        return read_page(bench_.pool, grants_sealed_otherwise(header, after, limit), by);
    }

    Task<bool> replace_seals(SealChange change, Deadline by) override {
        auto replace = writing(
            "UPDATE latchkey.tokens SET refresh_token = $4, access_token = $5"
            " WHERE tenant = $1 AND connection = $2 AND epoch = $3"
            " AND refresh_token IS NOT DISTINCT FROM $6 AND access_token IS NOT DISTINCT FROM $7"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1");
        replace.given.word(default_tenant)
            .bytes(change.key.connection.text)
            .number(change.key.epoch.value)
            .sealed(change.refresh_token)
            .sealed(change.access_token)
            .sealed(change.former_refresh_token)
            .sealed(change.former_access_token);
        auto done = co_await bench_.pool.ask(std::move(replace), by);
        if (!done) co_return done.error();
        co_return done->size() == 1;
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
