#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <latchkey/error.h>
#include <latchkey/secret.h>

#include "base/random.h"
#include "crypto/locked_key.h"

namespace latchkey {

/// XChaCha20-Poly1305-IETF (draft-irtf-cfrg-xchacha) with a random nonce of 192 bits, which may be
/// drawn at random for longer than any key lives: after 2^80 sealings the chance of a repeat is
/// still 2^-33.
inline constexpr std::size_t nonce_bytes = 24;
inline constexpr std::size_t tag_bytes = 16;

/// returns nonce, ciphertext and tag
std::string encrypt(const LockedKey& key, std::string_view associated, const Secret& value,
                    Random& random);

/// Opens what `encrypt` made. errors  internal corrupt
Result<Secret> decrypt(const LockedKey& key, std::string_view associated, std::string_view sealed);

}  // namespace latchkey
