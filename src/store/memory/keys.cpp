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
            state_.keys.push_back(key);
            return {};
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
