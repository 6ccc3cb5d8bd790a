#include "emulator/jwt_signer.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/text.h"

namespace latchkey::emulator {
namespace {

// Salesforce's key names are short decimal numbers.
constexpr std::string_view key_id = "268";
constexpr unsigned key_bits = 2048;

struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeDigest {
    void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};

/// OpenSSL fails here only without memory or randomness; there is nothing to go on with.
void expect(bool worked) {
    if (worked) return;
    std::fputs("latchkey emulator: OpenSSL cannot make or use an RSA key\n", stderr);
    std::abort();
}

std::string number(EVP_PKEY* key, const char* name) {
    BIGNUM* value = nullptr;
    expect(EVP_PKEY_get_bn_param(key, name, &value) == 1);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(value);
    return base64url(bytes);
}

}  // namespace

struct JwtSigner::Key {
    std::unique_ptr<EVP_PKEY, FreeKey> pair;
};

JwtSigner::JwtSigner() = default;
JwtSigner::~JwtSigner() = default;
JwtSigner::JwtSigner(JwtSigner&&) noexcept = default;
JwtSigner& JwtSigner::operator=(JwtSigner&&) noexcept = default;

const JwtSigner::Key& JwtSigner::key() {
    if (!key_) {
        key_ = std::make_unique<Key>();
        key_->pair.reset(EVP_RSA_gen(key_bits));
        expect(key_->pair != nullptr);
    }
    return *key_;
}

std::string JwtSigner::sign(std::string_view claims) {
    const std::string header =
        R"({"alg":"RS256","typ":"JWT","kid":")" + std::string{key_id} + R"("})";
    std::string text = base64url(header) + "." + base64url(claims);
    const std::unique_ptr<EVP_MD_CTX, FreeDigest> digest{EVP_MD_CTX_new()};
    expect(EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key().pair.get()) == 1);
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    expect(EVP_DigestSign(digest.get(), nullptr, &size, bytes, text.size()) == 1);
    std::string signature(size, '\0');
    expect(EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                          bytes, text.size()) == 1);
    signature.resize(size);
    return text + "." + base64url(signature);
}

std::string JwtSigner::key_set() {
    EVP_PKEY* pair = key().pair.get();
    return R"({"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":")" + std::string{key_id} +
           R"(","n":")" + number(pair, OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
           number(pair, OSSL_PKEY_PARAM_RSA_E) + R"("}]})";
}

}  // namespace latchkey::emulator
