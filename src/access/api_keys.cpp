#include "access/api_keys.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "access/random_id.h"
#include "access/stored_rules.h"

namespace latchkey {
namespace {

constexpr std::array<std::pair<Permission, const char*>, 5> permission_names{{
    {Permission::connect, "connect"},
    {Permission::read, "read"},
    {Permission::token, "token"},
    {Permission::proxy, "proxy"},
    {Permission::admin, "admin"},
}};

constexpr std::string_view prefix = "lk_";
constexpr std::size_t id_size = 12;
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t secret_size = 43;
constexpr std::size_t whole_size = prefix.size() + id_size + 1 + secret_size;
constexpr std::size_t longest_label = 100;
constexpr std::size_t most_remembered = 10'000;
constexpr std::chrono::seconds remembered_for{1};
constexpr std::string_view purpose = "api key";

/// Stands for what cannot be a key, so that the same work is done for it.
const std::string& nobody() {
    static const std::string key = "lk_000000000000_" + std::string(secret_size, 'A');
    return key;
}

bool well_formed(std::string_view key) {
    if (key.size() != whole_size || !key.starts_with(prefix)) return false;
    if (key[prefix.size() + id_size] != '_') return false;
    const auto id = key.substr(prefix.size(), id_size);
    return std::all_of(id.begin(), id.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

Error invalid_api_key() {
    return Error{Fault::denied, "invalid_api_key",
                 "The API key is missing or not valid. Send Authorization: Bearer and a key."};
}

Result<void> check_wish(const ApiKeyWish& wish) {
    if (wish.label.size() > longest_label)
        return Error{Fault::bad_input, "invalid_label",
                     "A label has at most 100 bytes. Choose a shorter one."};
    // Both would lead around the rules: past the gateway, or by a key without any.
    const bool leads_around = wish.permissions.contains(Permission::token) ||
                              wish.permissions.contains(Permission::admin);
    if (leads_around && !wish.rules.paths.empty())
        return Error{Fault::bad_input, "invalid_rule",
                     "A key with rules on paths cannot have the permission token or admin: a token "
                     "opens every path, and an admin makes keys without rules. Make two keys."};
    return check_rules(wish.rules);
}

std::set<Permission> permissions_of(const ApiKeyRow& row) {
    std::set<Permission> permissions;
    for (const auto& word : row.permissions) {
        const auto permission = permission_of(word);
        if (permission) permissions.insert(*permission);
    }
    return permissions;
}

}  // namespace

const char* name(Permission permission) noexcept {
    for (const auto& [value, text] : permission_names)
        if (value == permission) return text;
    return "proxy";
}

Result<Permission> permission_of(std::string_view word) {
    for (const auto& [value, text] : permission_names)
        if (word == text) return value;
    return Error{Fault::bad_input, "invalid_permission",
                 "There is no such permission. Use connect, read, token, proxy or admin."};
}

struct ApiKeys::Impl {
    Impl(ApiKeyStore& s, const KeyRing& k, Random& r, Clock& c)
        : store(s), keys(k), random(r), clock(c), gates(c) {}

    struct Remembered {
        std::string hash;
        Caller caller;
        SteadyTime until;
    };

    ApiKeyStore& store;
    const KeyRing& keys;
    Random& random;
    Clock& clock;
    std::mutex mutex;  // held for a look only, never across an await
    std::unordered_map<ApiKeyId, Remembered> good;
    KeyGates gates;
    std::uint64_t revocations = 0;

    Result<std::string> hash_of(const Secret& key) const { return keys.keyed_hash(purpose, key); }

    std::optional<Caller> recall(const ApiKeyId& id, const Secret& hash) {
        std::lock_guard hold{mutex};
        const auto found = good.find(id);
        if (found == good.end()) return std::nullopt;
        if (clock.steady() >= found->second.until) {
            good.erase(found);
            return std::nullopt;
        }
        // A wrong secret for a key in use goes on to the store like any other wrong key.
        if (!Secret{found->second.hash}.same_as(hash)) return std::nullopt;
        return found->second.caller;
    }

    std::uint64_t revocations_so_far() {
        std::lock_guard hold{mutex};
        return revocations;
    }

    /// A look-up that began before a revocation may have read the row from before it.
    void remember(const Caller& caller, const Secret& hash, std::uint64_t revocations_then) {
        std::lock_guard hold{mutex};
        if (revocations != revocations_then) return;
        if (good.size() >= most_remembered) good.clear();
        good[caller.key] =
            Remembered{std::string{hash.reveal()}, caller, clock.steady() + remembered_for};
    }

    void forget(const ApiKeyId& id) {
        std::lock_guard hold{mutex};
        ++revocations;
        good.erase(id);
    }
};

ApiKeys::ApiKeys(ApiKeyStore& store, const KeyRing& keys, Random& random, Clock& clock)
    : impl_(std::make_shared<Impl>(store, keys, random, clock)) {}

KeyGates& ApiKeys::gates() {
    return impl_->gates;
}

Task<CreatedKey> ApiKeys::create(ApiKeyWish wish, Deadline by) {
    auto good = check_wish(wish);
    if (!good) co_return good.error();
    auto permissions = std::move(wish.permissions);
    if (permissions.empty()) permissions.insert(Permission::proxy);
    CreatedKey created;
    created.row.id = ApiKeyId{random_id(impl_->random, id_size)};
    std::string text =
        std::string{prefix} + created.row.id.text + "_" + random_text(impl_->random, secret_bytes);
    created.key = Secret::take(std::move(text));
    auto hash = impl_->hash_of(created.key);
    if (!hash) co_return hash.error();
    created.row.secret_hash = std::move(*hash);
    created.row.label = std::move(wish.label);
    created.row.rules = print_rules(wish.rules);
    for (const auto permission : permissions) created.row.permissions.push_back(name(permission));
    created.row.created_at = impl_->clock.wall();
    ApiKeyRow row = created.row;
    auto stored = co_await impl_->store.insert(std::move(row), by);
    if (!stored) co_return stored.error();
    co_return created;
}

Task<std::vector<ApiKeyRow>> ApiKeys::list(Deadline by) {
    auto rows = co_await impl_->store.all(by);
    co_return rows;
}

Task<void> ApiKeys::revoke(ApiKeyId id, Deadline by) {
    auto revoked = co_await impl_->store.revoke(id, impl_->clock.wall(), by);
    // Forgotten even if the outcome is not known: the store is asked again.
    impl_->forget(id);
    co_return revoked;
}

Task<Caller> ApiKeys::check(Secret presented, Deadline by) {
    // What cannot be a key is replaced by one that nobody has, so that each refusal has cost one
    // hash, one look-up and one comparison, whatever was wrong.
    const bool possible = well_formed(presented.reveal());
    if (!possible) presented = Secret{nobody()};
    auto hashed = impl_->hash_of(presented);
    if (!hashed) co_return hashed.error();
    const Secret hash = Secret::take(std::move(*hashed));
    const ApiKeyId id{std::string{presented.reveal().substr(prefix.size(), id_size)}};

    auto known = impl_->recall(id, hash);
    if (possible && known) co_return std::move(*known);

    const auto revocations = impl_->revocations_so_far();
    auto row = co_await impl_->store.find(id, by);
    if (!row && row.error().fault != Fault::not_found) co_return row.error();
    const Secret kept{row ? row->secret_hash : std::string(hash.size(), '0')};
    const bool good = kept.same_as(hash) && possible && row.has_value() && !row->revoked_at;
    if (!good) co_return invalid_api_key();
    auto gate = impl_->gates.of(row->id, row->rules);
    if (!gate) co_return gate.error();
    Caller caller;
    caller.key = row->id;
    caller.gate = std::move(*gate);
    caller.permissions = permissions_of(*row);
    impl_->remember(caller, hash, revocations);
    co_return caller;
}

}  // namespace latchkey
