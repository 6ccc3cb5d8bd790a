#include <algorithm>

#include "store/memory/memory_state.h"

namespace latchkey::memory {
namespace {

class Keys final : public KeyStore {
public:
    explicit Keys(Contents& state) : state_(state) {}

    Task<Installation> installation(Deadline by) override {
        return gate<Installation>(&state_, "keys.installation", by,
                                  [this]() -> Result<Installation> { return state_.installation; });
    }

    Task<std::vector<SealedKey>> all(Deadline by) override {
        return gate<std::vector<SealedKey>>(
            &state_, "keys.all", by,
            [this]() -> Result<std::vector<SealedKey>> { return state_.keys; });
    }

    Task<void> add(SealedKey key, Deadline by) override {
        return gate<void>(&state_, "keys.add", by, [this, key]() -> Result<void> {
            for (const auto& known : state_.keys)
                if (known.id == key.id) return store_error::key_exists();
            if (key.stage == KeyStage::announced)
                for (const auto& known : state_.keys)
                    if (known.stage == KeyStage::announced)
                        return store_error::key_change_under_way();
            state_.keys.push_back(key);
            return {};
        });
    }

    Task<void> put_in_use(std::string id, Deadline by) override {
        return gate<void>(&state_, "keys.put_in_use", by, [this, id]() -> Result<void> {
            for (auto& known : state_.keys) {
                if (known.id != id) continue;
                known.stage = KeyStage::in_use;
                return {};
            }
            return store_error::no_key();
        });
    }

    Task<void> rewrap(std::vector<SealedKey> keys, Deadline by) override {
        return gate<void>(&state_, "keys.rewrap", by, [this, keys]() -> Result<void> {
            if (keys.size() != state_.keys.size()) return store_error::key_conflict();
            for (std::size_t i = 0; i < keys.size(); ++i)
                if (keys[i].id != state_.keys[i].id) return store_error::key_conflict();
            for (std::size_t i = 0; i < keys.size(); ++i) state_.keys[i].key = keys[i].key;
            return {};
        });
    }

    Task<std::map<std::string, std::int64_t>> tokens_by_header(std::size_t header_bytes,
                                                               Deadline by) override {
        using Counts = std::map<std::string, std::int64_t>;
        return gate<Counts>(
            &state_, "keys.tokens_by_header", by, [this, header_bytes]() -> Result<Counts> {
                Counts counts;
                for (const auto& [key, kept] : state_.grants)
                    for (const auto& token : {kept.row.refresh_token, kept.row.access_token})
                        if (token) ++counts[token->bytes.substr(0, header_bytes)];
                return counts;
            });
    }

    Task<std::vector<GrantRow>> sealed_otherwise(std::string header, GrantKey after,
                                                 std::size_t limit, Deadline by) override {
        return gate<std::vector<GrantRow>>(
            &state_, "keys.sealed_otherwise", by,
            [this, header, after, limit]() -> Result<std::vector<GrantRow>> {
                const auto other = [&](const std::optional<Sealed>& token) {
                    return token && !token->bytes.starts_with(header);
                };
                std::vector<GrantRow> rows;
                const auto last = std::make_pair(after.connection.text, after.epoch.value);
                for (auto at = state_.grants.upper_bound(last);
                     at != state_.grants.end() &&
                     rows.size() < std::min(limit, most_rows_of_a_state);
                     ++at) {
                    const auto& row = at->second.row;
                    if (other(row.refresh_token) || other(row.access_token)) rows.push_back(row);
                }
                return rows;
            });
    }

    Task<bool> replace_seals(SealChange change, Deadline by) override {
        return gate<bool>(&state_, "keys.replace_seals", by, [this, change]() -> Result<bool> {
            auto* kept = state_.grant(change.key);
            if (kept == nullptr || kept->row.refresh_token != change.former_refresh_token ||
                kept->row.access_token != change.former_access_token)
                return false;
            kept->row.refresh_token = change.refresh_token;
            kept->row.access_token = change.access_token;
            return true;
        });
    }

    Task<bool> empty(Deadline by) override {
        return gate<bool>(&state_, "keys.empty", by, [this]() -> Result<bool> {
            return state_.grants.empty() && state_.flows.empty() && state_.api_keys.empty();
        });
    }

private:
    Contents& state_;
};

class ApiKeyRows final : public ApiKeyStore {
public:
    explicit ApiKeyRows(Contents& state) : state_(state) {}

    Task<void> insert(ApiKeyRow key, Deadline by) override {
        return gate<void>(&state_, "api_keys.insert", by, [this, key]() -> Result<void> {
            if (row(key.id) != nullptr) return store_error::api_key_exists();
            state_.api_keys.push_back(key);
            return {};
        });
    }

    Task<ApiKeyRow> find(ApiKeyId id, Deadline by) override {
        return gate<ApiKeyRow>(&state_, "api_keys.find", by, [this, id]() -> Result<ApiKeyRow> {
            const auto* found = row(id);
            if (found == nullptr) return store_error::no_api_key();
            return *found;
        });
    }

    Task<std::vector<ApiKeyRow>> all(Deadline by) override {
        return gate<std::vector<ApiKeyRow>>(
            &state_, "api_keys.all", by, [this]() -> Result<std::vector<ApiKeyRow>> {
                auto rows = state_.api_keys;
                std::sort(rows.begin(), rows.end(), [](const ApiKeyRow& a, const ApiKeyRow& b) {
                    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
                });
                if (rows.size() > most_listed_keys) rows.resize(most_listed_keys);
                return rows;
            });
    }

    Task<void> revoke(ApiKeyId id, WallTime at, Deadline by) override {
        return gate<void>(&state_, "api_keys.revoke", by, [this, id, at]() -> Result<void> {
            auto* found = row(id);
            if (found == nullptr) return store_error::no_api_key();
            if (!found->revoked_at) found->revoked_at = at;
            return {};
        });
    }

private:
    ApiKeyRow* row(const ApiKeyId& id) {
        for (auto& known : state_.api_keys)
            if (known.id == id) return &known;
        return nullptr;
    }

    Contents& state_;
};

}  // namespace

std::unique_ptr<KeyStore> make_keys(Contents& state) {
    return std::make_unique<Keys>(state);
}
std::unique_ptr<ApiKeyStore> make_api_keys(Contents& state) {
    return std::make_unique<ApiKeyRows>(state);
}

}  // namespace latchkey::memory
