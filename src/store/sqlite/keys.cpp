#include "store/errors.h"
#include "store/packed_list.h"
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
                    "SELECT id, sealed, created_at FROM sealing_keys ORDER BY position");
                std::vector<SealedKey> keys;
                while (found.step()) {
                    SealedKey key;
                    key.id = found.text();
                    key.key = found.sealed();
                    key.created_at = found.time();
                    keys.push_back(std::move(key));
                }
                return keys;
            },
            by);
    }

    Task<void> add(SealedKey key, Deadline by) override {
        return bench_.worker.write<void>(
            [key](Database& database) -> Result<void> {
                database
                    .prepare(
                        "INSERT INTO sealing_keys (id, sealed, created_at) VALUES (?, ?, ?)"
                        " ON CONFLICT (id) DO NOTHING")
                    .bind(key.id)
                    .bind(key.key)
                    .bind(key.created_at)
                    .run();
                if (database.changes() == 0) return store_error::key_exists();
                return {};
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
