#include "vault/key_ring_loader.h"

#include <span>
#include <utility>

#include "base/text.h"
#include "crypto/locked_key.h"
#include "vault/bindings.h"

namespace latchkey {
namespace {

Secret random_key(Random& random) {
    std::string bytes(LockedKey::size, '\0');
    random.fill(std::as_writable_bytes(std::span{bytes}));
    return Secret::take(std::move(bytes));
}

std::string random_id(Random& random) {
    std::string bytes(4, '\0');
    random.fill(std::as_writable_bytes(std::span{bytes}));
    return hex(bytes);
}

Error no_ring() {
    return Error{Fault::misconfigured, "key_ring_missing",
                 "The store holds data but no sealing key, so none of it can be read. Restore the "
                 "store with its keys; nothing was changed."};
}

}  // namespace

Task<KeyRing> load_key_ring(KeyStore& store, const MasterKey& master, Random& random, Clock& clock,
                            Deadline by) {
    auto installation = co_await store.installation(by);
    if (!installation) co_return installation.error();
    const Bindings bindings{installation->id};
    auto kept = co_await store.all(by);
    if (!kept) co_return kept.error();

    KeyRing ring;
    for (const auto& sealed : *kept) {
        const auto key = master.unwrap(bindings.sealing_key(sealed.id), sealed.key);
        if (!key) co_return key.error();
        const auto added = ring.add(sealed.id, *key);
        if (!added) co_return added.error();
    }
    if (!ring.empty()) co_return ring;

    auto empty = co_await store.empty(by);
    if (!empty) co_return empty.error();
    if (!*empty) co_return no_ring();
    const Secret key = random_key(random);
    SealedKey first;
    first.id = random_id(random);
    first.key = master.wrap(bindings.sealing_key(first.id), key, random);
    first.created_at = clock.wall();
    const auto added = ring.add(first.id, key);
    if (!added) co_return added.error();
    auto stored = co_await store.add(std::move(first), by);
    if (!stored) co_return stored.error();
    co_return ring;
}

}  // namespace latchkey
