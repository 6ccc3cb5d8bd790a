#include "vault/key_ring_loader.h"

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

Error no_ring() {
    return Error{Fault::misconfigured, "key_ring_missing",
                 "The store holds data but no sealing key, so none of it can be read. Restore the "
                 "store with its keys; nothing was changed."};
}

Task<KeyRing> read_ring(KeyStore& store, const MasterKey& master, const Bindings& bindings,
                        Deadline by) {
    auto kept = co_await store.all(by);
    if (!kept) co_return kept.error();
    KeyRing ring;
    for (const auto& sealed : *kept) {
        const auto key = master.unwrap(bindings.sealing_key(sealed.id), sealed.key);
        if (!key) co_return key.error();
        const auto added = ring.add(sealed.id, *key);
        if (!added) co_return added.error();
    }
    co_return ring;
}

}  // namespace

Task<KeyRing> load_key_ring(KeyStore& store, const MasterKey& master, Random& random, Clock& clock,
                            Deadline by) {
    auto installation = co_await store.installation(by);
    if (!installation) co_return installation.error();
    const Bindings bindings{installation->id};
    auto ring = co_await read_ring(store, master, bindings, by);
    if (!ring || !ring->empty()) co_return ring;

    auto empty = co_await store.empty(by);
    if (!empty) co_return empty.error();
    if (*empty) {
        SealedKey first;
        first.id = first_id;
        first.key = master.wrap(bindings.sealing_key(first.id), random_key(random), random);
        first.created_at = clock.wall();
        auto stored = co_await store.add(std::move(first), by);
        if (!stored && stored.error().code != store_error::key_exists().code)
            co_return stored.error();
    }
    // Read back, because another node's key may be the first.
    ring = co_await read_ring(store, master, bindings, by);
    if (ring && ring->empty()) co_return no_ring();
    co_return ring;
}

}  // namespace latchkey
