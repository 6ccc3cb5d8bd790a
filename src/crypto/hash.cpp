#include "crypto/hash.h"

#include <cstdlib>

#include <openssl/evp.h>
#include <sodium.h>

namespace latchkey {
namespace {

/// Fetched once: looking an algorithm up costs more than hashing a short text with it.
const EVP_MD* sha256_algorithm() {
    static EVP_MD* const algorithm = ::EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (algorithm == nullptr) std::abort();
    return algorithm;
}

const unsigned char* raw(std::string_view bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

std::string sha256(std::string_view bytes) {
    std::string out(32, '\0');
    unsigned int size = 0;
    if (::EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()),
                     &size, sha256_algorithm(), nullptr) != 1 ||
        size != out.size())
        std::abort();
    return out;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
    std::string out(crypto_auth_hmacsha256_BYTES, '\0');
    crypto_auth_hmacsha256_state state;
    ::crypto_auth_hmacsha256_init(&state, raw(key), key.size());
    ::crypto_auth_hmacsha256_update(&state, raw(bytes), bytes.size());
    ::crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(out.data()));
    ::sodium_memzero(&state, sizeof state);
    return out;
}

}  // namespace latchkey
