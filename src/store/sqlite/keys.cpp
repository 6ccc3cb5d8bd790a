#include <algorithm>

#include "store/errors.h"
#include "store/limits.h"
#include "store/packed_list.h"
#include "store/sqlite/grant_rows.h"
#include "store/sqlite/ports.h"
#include "store/stored_rows.h"

namespace latchkey::sqlite {
namespace {

class Keys final : public KeyStore {
public:
    explicit Keys(Bench& bench) : bench_(bench) {}

    Task<Installation> installation(Deadline by) override {
        return bench_.worker.read<Installation>(
            [](Database& database) -> Result<Installation> {
                auto found = database.prepare("SELECT id, incarnation FROM installation");
                if (!found.step()) return store_error::damaged("it has no installation row");
                Installation installation;
                installation.id = found.text();
                installation.incarnation = found.number();
                return installation;
            },
            by);
    }

    Task<std::vector<SealedKey>> all(Deadline by) override {
        return bench_.worker.read<std::vector<SealedKey>>(
            [](Database& database) -> Result<std::vector<SealedKey>> {
                auto found = database.prepare(
                    "SELECT id, sealed, created_at, stage FROM sealing_keys ORDER BY position");
                std::vector<SealedKey> keys;
                while (found.step()) {
                    SealedKey key;
                    key.id = found.text();
                    key.key = found.sealed();
                    key.created_at = found.time();
                    key.stage = stored::key_stage_of(found.text());
                    keys.push_back(std::move(key));
                }
                return keys;
            },
            by);
    }

    Task<void> add(SealedKey key, Deadline by) override {
        return bench_.worker.write<void>(
            [key](Database& database) -> Result<void> {
                if (key.stage == KeyStage::announced &&
                    database.prepare("SELECT 1 FROM sealing_keys WHERE stage = 'announced'").step())
                    return store_error::key_change_under_way();
                database
                    .prepare(
                        "INSERT INTO sealing_keys (id, sealed, created_at, stage)"
                        " VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING")
                    .bind(key.id)
                    .bind(key.key)
                    .bind(key.created_at)
                    .bind(name(key.stage))
                    .run();
                if (database.changes() == 0) return store_error::key_exists();
                return {};
            },
            by);
    }

    Task<void> put_in_use(std::string id, Deadline by) override {
        return bench_.worker.write<void>(
            [id](Database& database) -> Result<void> {
                database.prepare("UPDATE sealing_keys SET stage = 'in_use' WHERE id = ?")
                    .bind(id)
                    .run();
                if (database.changes() == 0) return store_error::no_key();
                return {};
            },
            by);
    }

    Task<void> rewrap(std::vector<SealedKey> keys, Deadline by) override {
        return bench_.worker.write<void>(
            [keys](Database& database) -> Result<void> {
                auto counted = database.prepare("SELECT COUNT(*) FROM sealing_keys");
                counted.step();
                if (counted.number() != static_cast<std::int64_t>(keys.size()))
                    return store_error::key_conflict();
                for (const auto& key : keys) {
                    database.prepare("UPDATE sealing_keys SET sealed = ? WHERE id = ?")
                        .bind(key.key)
                        .bind(key.id)
                        .run();
                    if (database.changes() == 0) return store_error::key_conflict();
                }
                return {};
            },
            by);
    }

    Task<std::map<std::string, std::int64_t>> tokens_by_header(std::size_t header_bytes,
                                                               Deadline by) override {
        using Counts = std::map<std::string, std::int64_t>;
        return bench_.worker.read<Counts>(
            [header_bytes](Database& database) -> Result<Counts> {
                auto found = database.prepare(
                    "SELECT substr(sealed, 1, ?) AS header, COUNT(*) FROM"
                    " (SELECT refresh_token AS sealed FROM grants WHERE refresh_token IS NOT NULL"
                    " UNION ALL SELECT access_token FROM grants WHERE access_token IS NOT NULL)"
                    " GROUP BY header");
                found.bind(static_cast<std::int64_t>(header_bytes));
                Counts counts;
                while (found.step()) {
                    auto header = found.sealed().bytes;
                    counts[std::move(header)] = found.number();
                }
                return counts;
            },
            by);
    }

    Task<std::vector<GrantRow>> sealed_otherwise(std::string header, GrantKey after,
                                                 std::size_t limit, Deadline by) override {
        return bench_.worker.read<std::vector<GrantRow>>(
            [header, after, limit](Database& database) -> Result<std::vector<GrantRow>> {
                const auto length = static_cast<std::int64_t>(header.size());
                const Sealed wanted{header};
                auto found = database.prepare("SELECT " LATCHKEY_GRANT_COLUMNS
                                              " FROM grants g WHERE g.tenant = ?"
                                              " AND (g.connection, g.epoch) > (?, ?)"
                                              " AND (substr(g.refresh_token, 1, ?) <> ?"
                                              " OR substr(g.access_token, 1, ?) <> ?)"
                                              " ORDER BY g.connection, g.epoch LIMIT ?");
                found.bind(default_tenant)
                    .bind(after.connection.text)
                    .bind(after.epoch.value)
                    .bind(length)
                    .bind(wanted)
                    .bind(length)
                    .bind(wanted)
                    .bind(static_cast<std::int64_t>(std::min(limit, most_rows_of_a_state)));
                std::vector<GrantRow> rows;
                while (found.step()) rows.push_back(read_grant(found));
                return rows;
            },
            by);
    }

    Task<bool> replace_seals(SealChange change, Deadline by) override {
        return bench_.worker.write<bool>(
            [change](Database& database) -> Result<bool> {
                database
                    .prepare(
                        "UPDATE grants SET refresh_token = ?, access_token = ?"
                        " WHERE tenant = ? AND connection = ? AND epoch = ?"
                        " AND refresh_token IS ? AND access_token IS ?")
                    .bind(change.refresh_token)
                    .bind(change.access_token)
                    .bind(default_tenant)
                    .bind(change.key.connection.text)
                    .bind(change.key.epoch.value)
                    .bind(change.former_refresh_token)
                    .bind(change.former_access_token)
                    .run();
                return database.changes() == 1;
            },
            by);
    }

    Task<bool> empty(Deadline by) override {
        return bench_.worker.read<bool>(
            [](Database& database) -> Result<bool> {
                auto found = database.prepare(
                    "SELECT EXISTS (SELECT 1 FROM grants) OR EXISTS (SELECT 1 FROM flows)"
                    " OR EXISTS (SELECT 1 FROM api_keys)");
                found.step();
                return found.number() == 0;
            },
            by);
    }

private:
    Bench& bench_;
};

class ApiKeyRows final : public ApiKeyStore {
public:
    explicit ApiKeyRows(Bench& bench) : bench_(bench) {}

    Task<void> insert(ApiKeyRow key, Deadline by) override {
        return bench_.worker.write<void>(
            [key](Database& database) -> Result<void> {
                database
                    .prepare(
                        "INSERT INTO api_keys (tenant, id, secret_hash, label, permissions,"
                        " created_at, revoked_at, rules) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                        " ON CONFLICT (tenant, id) DO NOTHING")
                    .bind(default_tenant)
                    .bind(key.id.text)
                    .bind(key.secret_hash)
                    .bind(key.label)
                    .bind(pack(key.permissions))
                    .bind(key.created_at)
                    .bind(key.revoked_at)
                    .bind(key.rules)
                    .run();
                if (database.changes() == 0) return store_error::api_key_exists();
                return {};
            },
            by);
    }

    Task<ApiKeyRow> find(ApiKeyId id, Deadline by) override {
        return bench_.worker.read<ApiKeyRow>(
            [id](Database& database) -> Result<ApiKeyRow> {
                auto found = database.prepare("SELECT " LATCHKEY_API_KEY_COLUMNS
                                              " FROM api_keys WHERE tenant = ? AND id = ?");
                if (!found.bind(default_tenant).bind(id.text).step())
                    return store_error::no_api_key();
                return stored::read_api_key(found);
            },
            by);
    }

    Task<std::vector<ApiKeyRow>> all(Deadline by) override {
        return bench_.worker.read<std::vector<ApiKeyRow>>(
            [](Database& database) -> Result<std::vector<ApiKeyRow>> {
                auto found = database.prepare(
                    "SELECT " LATCHKEY_API_KEY_COLUMNS
                    " FROM api_keys WHERE tenant = ? ORDER BY created_at, id LIMIT ?");
                found.bind(default_tenant).bind(std::int64_t{most_listed_keys});
                std::vector<ApiKeyRow> keys;
                while (found.step()) keys.push_back(stored::read_api_key(found));
                return keys;
            },
            by);
    }

    Task<void> revoke(ApiKeyId id, WallTime at, Deadline by) override {
        return bench_.worker.write<void>(
            [id, at](Database& database) -> Result<void> {
                database
                    .prepare(
                        "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ?)"
                        " WHERE tenant = ? AND id = ?")
                    .bind(at)
                    .bind(default_tenant)
                    .bind(id.text)
                    .run();
                if (database.changes() == 0) return store_error::no_api_key();
                return {};
            },
            by);
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

}  // namespace latchkey::sqlite
