#include "vault/resealer.h"

#include <optional>
#include <utility>
#include <vector>

#include "crypto/sealed_format.h"

namespace latchkey {

namespace {

/// The same value under the key that seals now; nothing stays nothing.
Result<std::optional<Sealed>> anew(const KeyRing& keys, const Binding& place,
                                   const std::optional<Sealed>& former, Random& random) {
    if (!former) return std::optional<Sealed>{};
    const auto value = keys.open(place, *former);
    if (!value) return value.error();
    auto sealed = keys.seal(place, *value, random);
    if (!sealed) return sealed.error();
    return std::optional<Sealed>{std::move(*sealed)};
}

}  // namespace

Resealer::Resealer(KeyStore& store, const KeyRing& keys, std::string installation, Random& random,
                   Stops& stops)
    : store_(store),
      keys_(keys),
      bindings_(std::move(installation)),
      random_(random),
      stops_(stops) {}

Result<SealChange> Resealer::sealed_anew(const GrantRow& row) const {
    SealChange change;
    change.key = row.key;
    change.former_refresh_token = row.refresh_token;
    change.former_access_token = row.access_token;
    auto refresh = anew(keys_, bindings_.refresh_token(row.key, row.grant_generation),
                        row.refresh_token, random_);
    if (!refresh) return refresh.error();
    auto access =
        anew(keys_, bindings_.access_token(row.key, row.generation), row.access_token, random_);
    if (!access) return access.error();
    change.refresh_token = std::move(*refresh);
    change.access_token = std::move(*access);
    return change;
}

Task<ResealedPage> Resealer::page(GrantKey after, Deadline by) {
    auto rows =
        co_await store_.sealed_otherwise(seal_header(keys_.sealing()), after, page_size, by);
    if (!rows) co_return rows.error();
    ResealedPage page;
    page.last = std::move(after);
    page.end = rows->size() < page_size;
    page.found = rows->size();
    for (const auto& row : *rows) {
        page.last = row.key;
        auto change = sealed_anew(row);
        if (!change) continue;
        auto replaced = co_await store_.replace_seals(std::move(*change), by);
        if (!replaced) co_return replaced.error();
        if (*replaced) ++page.changed;
        stops_.reached("CP47");
    }
    co_return page;
}

}  // namespace latchkey
