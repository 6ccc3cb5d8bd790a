#pragma once

#include <string>

#include <latchkey/secret.h>

#include "base/random.h"

namespace latchkey::oauth {

/// A fresh code verifier and its S256 challenge (RFC 7636 sections 4.1, 4.2). `plain` does not
/// exist here.
struct Pkce {
    Secret verifier;        ///< 43 characters: 32 random bytes as base64url
    std::string challenge;  ///< base64url(SHA-256(verifier)), 43 characters
};
Pkce make_pkce(Random& random);
/// The challenge of a verifier of 43 to 128 unreserved characters.
std::string challenge_of(const Secret& verifier);

}  // namespace latchkey::oauth
