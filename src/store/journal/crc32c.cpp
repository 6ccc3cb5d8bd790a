#include "store/journal/crc32c.h"

#include <array>
#include <cstddef>

namespace latchkey::journal {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // reflected

/// Table k has the checksum of one byte that is followed by k zero bytes, so that eight bytes are
/// taken in one step.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit)
            value = (value & 1) != 0 ? value >> 1 ^ polynomial : value >> 1;
        tables[0][byte] = value;
    }
    for (std::size_t k = 1; k < tables.size(); ++k)
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const auto former = tables[k - 1][byte];
            tables[k][byte] = former >> 8 ^ tables[0][former & 255];
        }
    return tables;
}

constexpr Tables tables = make_tables();

std::uint32_t four_bytes(const unsigned char* at) {
    return static_cast<std::uint32_t>(at[0]) | static_cast<std::uint32_t>(at[1]) << 8 |
           static_cast<std::uint32_t>(at[2]) << 16 | static_cast<std::uint32_t>(at[3]) << 24;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
    auto value = ~before;
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    auto left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        const auto low = value ^ four_bytes(at);
        const auto high = four_bytes(at + 4);
        value = tables[7][low & 255] ^ tables[6][low >> 8 & 255] ^ tables[5][low >> 16 & 255] ^
                tables[4][low >> 24] ^ tables[3][high & 255] ^ tables[2][high >> 8 & 255] ^
                tables[1][high >> 16 & 255] ^ tables[0][high >> 24];
    }
    for (; left > 0; --left, ++at) value = value >> 8 ^ tables[0][(value ^ *at) & 255];
    return ~value;
}

}  // namespace latchkey::journal
