#include "crypto/sealing.h"

#include <span>

#include <sodium.h>

#include "crypto/sealed_format.h"

namespace latchkey {
namespace {

unsigned char* raw(std::string& bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}
const unsigned char* raw(std::string_view bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

std::string encrypt(const LockedKey& key, std::string_view associated, const Secret& value,
                    Random& random) {
    std::string out(nonce_bytes + value.size() + tag_bytes, '\0');
    random.fill(std::as_writable_bytes(std::span{out}.first(nonce_bytes)));
    unsigned long long size = 0;
    // Cannot fail: no length that fits into memory is beyond the cipher's.
    ::crypto_aead_xchacha20poly1305_ietf_encrypt(raw(out) + nonce_bytes, &size, raw(value.reveal()),
                                                 value.size(), raw(associated), associated.size(),
                                                 nullptr, raw(out), key.data());
    return out;
}

Result<Secret> decrypt(const LockedKey& key, std::string_view associated, std::string_view sealed) {
    if (sealed.size() < nonce_bytes + tag_bytes) return corrupt();
    const auto nonce = sealed.substr(0, nonce_bytes);
    const auto body = sealed.substr(nonce_bytes);
    std::string out(body.size() - tag_bytes, '\0');
    unsigned long long size = 0;
    if (::crypto_aead_xchacha20poly1305_ietf_decrypt(
            raw(out), &size, nullptr, raw(body), body.size(), raw(associated), associated.size(),
            raw(nonce), key.data()) != 0)
        return corrupt();
    return Secret::take(std::move(out));
}

}  // namespace latchkey
