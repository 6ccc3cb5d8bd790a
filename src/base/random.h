#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace latchkey {

/// Unpredictable bytes, handed in, so that tests repeat. Safe to use from several threads.
class Random {
public:
    virtual ~Random() = default;
    /// Fills all of `out` or ends the process: there is no safe way to go on without randomness.
    virtual void fill(std::span<std::byte> out) = 0;
};

/// The kernel's generator (getrandom).
class SystemRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override;
};

/// `bytes` random bytes as unpadded base64url; 16 give 22 characters.
std::string random_text(Random& random, std::size_t bytes);

/// 128 random bits as 32 hexadecimal digits.
std::string random_hex128(Random& random);

}  // namespace latchkey
