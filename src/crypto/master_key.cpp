#include "crypto/master_key.h"

#include <optional>
#include <span>

#include "base/text.h"
#include "crypto/sealing.h"

namespace latchkey {
namespace {

constexpr char version = '\x01';

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<std::string> from_hex(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        // Percent-decoding has the strict pair of digits that is wanted here.
        auto byte = percent_decode(std::string{'%'} + std::string{text.substr(i, 2)});
        if (!byte) return std::nullopt;
        out += *byte;
    }
    return out;
}

}  // namespace

MasterKey::MasterKey(LockedKey root)
    : root_(std::move(root)), wraps_(root_.derive("latchkey wrap 1")) {}

Result<MasterKey> MasterKey::parse(const Secret& content) {
    const auto text = trimmed(content.reveal());
    auto bytes = text.size() == 2 * LockedKey::size ? from_hex(text) : from_base64(text);
    if (!bytes || bytes->size() != LockedKey::size) {
        if (bytes) wipe(*bytes);
        return Error{Fault::misconfigured, "invalid_master_key",
                     "The master key is not 32 bytes as base64 or as 64 hexadecimal digits. Make "
                     "one with: head -c 32 /dev/urandom | base64"};
    }
    MasterKey key{LockedKey{*bytes}};
    wipe(*bytes);
    return key;
}

MasterKey MasterKey::generate(Random& random) {
    std::string bytes(LockedKey::size, '\0');
    random.fill(std::as_writable_bytes(std::span{bytes}));
    MasterKey key{LockedKey{bytes}};
    wipe(bytes);
    return key;
}

Secret MasterKey::text() const {
    std::string text = base64(root_.view());
    text += '\n';
    return Secret::take(std::move(text));
}

Sealed MasterKey::wrap(const Binding& to, const Secret& key, Random& random) const {
    return Sealed{std::string(1, version) + encrypt(wraps_, to.bytes(), key, random)};
}

Result<Secret> MasterKey::unwrap(const Binding& to, const Sealed& wrapped) const {
    const std::string_view bytes = wrapped.bytes;
    if (!bytes.empty() && bytes.front() == version) {
        auto key = decrypt(wraps_, to.bytes(), bytes.substr(1));
        if (key) return key;
    }
    return Error{Fault::misconfigured, "wrong_master_key",
                 "The master key does not open this store's keys. Start with the master key that "
                 "this store was made with; nothing was changed."};
}

}  // namespace latchkey
