#pragma once

#include <cstdint>
#include <string_view>

namespace latchkey::journal {

/// CRC-32C (Castagnoli; RFC 3720 appendix B.4) of `bytes`, going on from the checksum of what came
/// before.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace latchkey::journal
