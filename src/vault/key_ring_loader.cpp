#include "vault/key_ring_loader.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "crypto/locked_key.h"
#include "store/errors.h"
#include "vault/bindings.h"

namespace latchkey {
namespace {

Secret random_key(Random& random) {
    std::string bytes(LockedKey::size, '\0');
    random.fill(std::as_writable_bytes(std::span{bytes}));
    return Secret::take(std::move(bytes));
}

/// Ids are counted, so that of nodes that start together on an empty store, or change the key
/// together, only one can add its key: what is sealed under the others' nobody else could read.
std::uint32_t number_of(const std::string& id) {
    std::uint32_t number = 0;
    std::from_chars(id.data(), id.data() + id.size(), number, 16);
    return number;
}

Error no_ring() {
    return Error{Fault::misconfigured, "key_ring_missing",
                 "The store holds data but no sealing key, so none of it can be read. Restore the "
                 "store with its keys; nothing was changed."};
}

/// errors  misconfigured wrong_master_key
Task<KeyRing> read_ring(KeyStore& store, const MasterKey& master, const std::string& installation,
                        Deadline by) {
    auto kept = co_await store.all(by);
    if (!kept) co_return kept.error();
    KeyRing ring;
    const auto read = take_up(ring, *kept, master, installation);
    if (!read) co_return read.error();
    co_return ring;
}

}  // namespace

Task<KeyRing> load_key_ring(KeyStore& store, const MasterKey& master, Random& random, Clock& clock,
                            Deadline by) {
    auto installation = co_await store.installation(by);
    if (!installation) co_return installation.error();
    auto ring = co_await read_ring(store, master, installation->id, by);
    if (!ring || !ring->sealing().empty()) co_return ring;

    auto empty = co_await store.empty(by);
    if (!empty) co_return empty.error();
    if (*empty) {
        auto first = next_key({}, master, installation->id, random, clock);
        first.stage = KeyStage::in_use;
        auto stored = co_await store.add(std::move(first), by);
        if (!stored && stored.error().code != store_error::key_exists().code)
            co_return stored.error();
    }
    // Read back, because another node's key may be the first.
    ring = co_await read_ring(store, master, installation->id, by);
    if (ring && ring->sealing().empty()) co_return no_ring();
    co_return ring;
}

Result<std::string> take_up(KeyRing& ring, const std::vector<SealedKey>& kept,
                            const MasterKey& master, const std::string& installation) {
    const Bindings bindings{installation};
    std::optional<Error> refused;
    std::string sealing;
    std::string newest;
    for (const auto& sealed : kept) {
        if (!ring.has(sealed.id)) {
            const auto key = master.unwrap(bindings.sealing_key(sealed.id), sealed.key);
            const auto added = key ? ring.add(sealed.id, *key) : Result<void>{key.error()};
            if (!added) {
                refused = added.error();
                continue;
            }
        }
        newest = sealed.id;
        if (sealed.stage == KeyStage::in_use) sealing = sealed.id;
    }
    if (!sealing.empty()) {
        const auto seals = ring.seal_with(sealing);
        if (!seals) return seals.error();
    }
    if (refused) return *refused;
    return newest;
}

SealedKey next_key(const std::vector<SealedKey>& kept, const MasterKey& master,
                   const std::string& installation, Random& random, Clock& clock) {
    std::uint32_t newest = 0;
    for (const auto& key : kept) newest = std::max(newest, number_of(key.id));
    SealedKey next;
    next.id = fmt::format("{:08x}", newest + 1);
    next.key = master.wrap(Bindings{installation}.sealing_key(next.id), random_key(random), random);
    next.created_at = clock.wall();
    next.stage = KeyStage::announced;
    return next;
}

Result<std::vector<SealedKey>> wrapped_anew(std::vector<SealedKey> kept, const MasterKey& former,
                                            const MasterKey& next, const std::string& installation,
                                            Random& random) {
    const Bindings bindings{installation};
    for (auto& sealed : kept) {
        const auto place = bindings.sealing_key(sealed.id);
        const auto key = former.unwrap(place, sealed.key);
        if (!key) return key.error();
        sealed.key = next.wrap(place, *key, random);
    }
    return kept;
}

}  // namespace latchkey
