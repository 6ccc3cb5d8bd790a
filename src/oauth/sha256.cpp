#include "oauth/sha256.h"

#include <cstdlib>

#include <openssl/evp.h>

namespace latchkey::oauth {

std::string sha256(std::string_view bytes) {
    // Looking an algorithm up costs OpenSSL 3 more than hashing a short text: once is enough.
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    unsigned char digest[32];
    unsigned int size = 0;
    // It can only fail where the library has no SHA-256; then nothing here can be trusted.
    if (algorithm == nullptr ||
        EVP_Digest(bytes.data(), bytes.size(), digest, &size, algorithm, nullptr) != 1 ||
        size != sizeof digest) {
        std::abort();
    }
    return {reinterpret_cast<const char*>(digest), sizeof digest};
}

}  // namespace latchkey::oauth
