#include "vault/key_ring_loader.h"

#include <optional>
#include <span>
#include <utility>

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

/// The same in every installation, so that of nodes that start together on an empty store only one
/// can add its key: what is sealed under the others' could be read by nobody else.
constexpr const char* first_id = "00000001";

SealedKey new_key(std::string id, const MasterKey& master, const std::string& installation,
                  Random& random, Clock& clock) {
    SealedKey made;
    made.id = std::move(id);
    made.key = master.wrap(Bindings{installation}.sealing_key(made.id), random_key(random), random);
    made.created_at = clock.wall();
    return made;
}

Error key_differs(const std::string& id) {
    return Error{Fault::internal, "sealing_key_differs",
                 "The store's sealing key " + id +
                     " is another one than this process reads under that id. Restart this node; "
                     "if it does not start then, restore the store with its keys."};
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
    if (!read->sealing.empty()) {
        const auto seals = ring.seal_with(read->sealing);
        if (!seals) co_return seals.error();
    }
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
        auto first = new_key(first_id, master, installation->id, random, clock);
        auto stored = co_await store.add(std::move(first), by);
        if (!stored && stored.error().code != store_error::key_exists().code)
            co_return stored.error();
    }
    // Read back, because another node's key may be the first.
    ring = co_await read_ring(store, master, installation->id, by);
    if (ring && ring->sealing().empty()) co_return no_ring();
    co_return ring;
}

Result<TakenUp> take_up(KeyRing& ring, const std::vector<SealedKey>& kept, const MasterKey& master,
                        const std::string& installation) {
    const Bindings bindings{installation};
    std::optional<Error> refused;
    TakenUp taken;
    for (const auto& sealed : kept) {
        const auto key = master.unwrap(bindings.sealing_key(sealed.id), sealed.key);
        if (!key) {
            refused = key.error();
            continue;
        }
        if (ring.has(sealed.id) && !ring.has(sealed.id, *key)) return key_differs(sealed.id);
        if (!ring.has(sealed.id)) {
            const auto added = ring.add(sealed.id, *key);
            if (!added) return added.error();
        }
        taken.newest = sealed.id;
        if (sealed.stage == KeyStage::in_use) taken.sealing = sealed.id;
    }
    if (refused) return *refused;
    return taken;
}

SealedKey next_key(const MasterKey& master, const std::string& installation, Random& random,
                   Clock& clock) {
    constexpr std::size_t digits = 8;
    auto next =
        new_key(random_hex128(random).substr(0, digits), master, installation, random, clock);
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
