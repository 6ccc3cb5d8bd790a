#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace latchkey::emulator {

/// Signs with one RSA key of 2048 bits, made at the first need: most runs never ask for an
/// id_token, and making the key takes longer than starting. It lives as long as the process.
class JwtSigner {
public:
    JwtSigner();
    ~JwtSigner();
    JwtSigner(JwtSigner&&) noexcept;
    JwtSigner& operator=(JwtSigner&&) noexcept;

    /// A compact JWT with RS256 over the claims, which are JSON text (RFC 7515, RFC 7519).
    std::string sign(std::string_view claims);
    /// The JSON Web Key Set with the public half (RFC 7517).
    std::string key_set();

private:
    struct Key;
    const Key& key();
    std::unique_ptr<Key> key_;
};

}  // namespace latchkey::emulator
