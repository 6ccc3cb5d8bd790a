#include "crypto/locked_key.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include <sodium.h>

#include <latchkey/secret.h>

#include "crypto/hash.h"

namespace latchkey {

LockedKey::LockedKey(std::string_view bytes) {
    if (bytes.size() != size || ::sodium_init() < 0) std::abort();
    bytes_ = static_cast<unsigned char*>(::sodium_malloc(size));
    if (bytes_ == nullptr) std::abort();
    std::memcpy(bytes_, bytes.data(), size);
    if (::sodium_mprotect_readonly(bytes_) != 0) std::abort();
}

LockedKey::~LockedKey() {
    if (bytes_ != nullptr) ::sodium_free(bytes_);
}

LockedKey LockedKey::derive(std::string_view label) const {
    // One block is all 32 bytes need; its counter is 1.
    std::string block{label};
    block += '\x01';
    std::string derived = hmac_sha256(view(), block);
    LockedKey key{derived};
    wipe(derived);
    return key;
}

}  // namespace latchkey
