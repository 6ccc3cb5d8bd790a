#include "crypto/key_ring.h"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <shared_mutex>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/locked_key.h"
#include "crypto/sealed_format.h"
#include "crypto/sealing.h"

namespace latchkey {
namespace {

void add_number(std::string& bytes, std::uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
}

Error no_sealing_key() {
    return Error{Fault::misconfigured, "no_sealing_key",
                 "The key ring is empty. Load it before anything is sealed."};
}

Error key_unavailable(const std::string& id) {
    return Error{
        Fault::try_later, "key_unavailable",
        "A value was sealed with key " + id +
            ", which this node does not read. If the sealing key was changed a moment ago, "
            "try again; else start with the keys of this installation."};
}

/// The header is bound too, so that a value cannot be passed off as another key's.
std::string associated(std::string_view header, const Binding& to) {
    std::string bytes{header};
    bytes += to.bytes();
    return bytes;
}

constexpr const char* seal_label = "latchkey seal 1";
constexpr const char* hash_label = "latchkey keyed hash 1";

}  // namespace

Binding& Binding::add(std::string_view field) {
    // A letter for the kind, then the length: no list is the beginning or the other reading of
    // another one.
    bytes_ += 't';
    add_number(bytes_, field.size());
    bytes_ += field;
    return *this;
}

Binding& Binding::add(std::int64_t number) {
    bytes_ += 'n';
    add_number(bytes_, static_cast<std::uint64_t>(number));
    return *this;
}

struct KeyRing::Impl {
    struct Entry {
        std::string id;
        LockedKey seals;  // the kept key itself is not used for anything but deriving
        LockedKey hashes;
    };
    /// Whoever adds is alone; whoever seals or opens is not.
    mutable std::shared_mutex mutex;
    std::vector<Entry> entries;  // oldest first
    std::size_t sealing = 0;     // of entries

    const Entry* find(std::string_view id) const {
        const auto found = std::find_if(entries.begin(), entries.end(),
                                        [&](const Entry& entry) { return entry.id == id; });
        return found == entries.end() ? nullptr : &*found;
    }
};

KeyRing::KeyRing() : impl_(std::make_unique<Impl>()) {}
KeyRing::~KeyRing() = default;
KeyRing::KeyRing(KeyRing&&) noexcept = default;
KeyRing& KeyRing::operator=(KeyRing&&) noexcept = default;

Result<void> KeyRing::add(std::string id, const Secret& key) {
    std::unique_lock hold{impl_->mutex};
    if (!is_key_id(id) || key.size() != LockedKey::size || impl_->find(id) != nullptr)
        return Error{Fault::bad_input, "invalid_key",
                     "A sealing key needs an id of 8 hexadecimal digits that is new to this ring, "
                     "and 32 bytes. Check where the key came from."};
    const LockedKey root{key.reveal()};
    impl_->entries.push_back({std::move(id), root.derive(seal_label), root.derive(hash_label)});
    return {};
}

Result<void> KeyRing::seal_with(const std::string& id) {
    std::unique_lock hold{impl_->mutex};
    const auto* entry = impl_->find(id);
    if (entry == nullptr) return key_unavailable(id);
    impl_->sealing = static_cast<std::size_t>(entry - impl_->entries.data());
    return {};
}

bool KeyRing::has(const std::string& id) const {
    std::shared_lock hold{impl_->mutex};
    return impl_->find(id) != nullptr;
}

bool KeyRing::has(const std::string& id, const Secret& key) const {
    if (key.size() != LockedKey::size) return false;
    const LockedKey root{key.reveal()};
    const LockedKey seals = root.derive(seal_label);
    std::shared_lock hold{impl_->mutex};
    const auto* entry = impl_->find(id);
    return entry != nullptr && Secret{entry->seals.view()}.same_as(Secret{seals.view()});
}

std::size_t KeyRing::size() const {
    std::shared_lock hold{impl_->mutex};
    return impl_->entries.size();
}

std::string KeyRing::sealing() const {
    std::shared_lock hold{impl_->mutex};
    return impl_->entries.empty() ? std::string{} : impl_->entries[impl_->sealing].id;
}

Result<Sealed> KeyRing::seal(const Binding& to, const Secret& value, Random& random) const {
    std::shared_lock hold{impl_->mutex};
    if (impl_->entries.empty()) return no_sealing_key();
    const auto& entry = impl_->entries[impl_->sealing];
    std::string header = seal_header(entry.id);
    const std::string body = encrypt(entry.seals, associated(header, to), value, random);
    return Sealed{std::move(header) + body};
}

Result<Secret> KeyRing::open(const Binding& to, const Sealed& value) const {
    const std::string_view bytes = value.bytes;
    const auto id = key_id_of(bytes);
    if (!id) return corrupt();
    std::shared_lock hold{impl_->mutex};
    const auto* entry = impl_->find(*id);
    if (entry == nullptr) return key_unavailable(*id);
    return decrypt(entry->seals, associated(bytes.substr(0, seal_header_bytes), to),
                   bytes.substr(seal_header_bytes));
}

Result<std::string> KeyRing::keyed_hash(std::string_view purpose, const Secret& value) const {
    std::shared_lock hold{impl_->mutex};
    if (impl_->entries.empty()) return no_sealing_key();
    const LockedKey& root = impl_->entries.front().hashes;
    // A key of its own for each purpose; the same value under two purposes shows no likeness.
    std::string label = Binding{purpose}.bytes();
    label += '\x01';
    std::string key = hmac_sha256(root.view(), label);
    const std::string hash = hmac_sha256(key, value.reveal());
    wipe(key);
    return base64url(hash);
}

}  // namespace latchkey
