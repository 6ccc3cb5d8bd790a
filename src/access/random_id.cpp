#include "access/random_id.h"

#include <array>
#include <string_view>

namespace latchkey {

/// 36 letters do not divide 256: bytes of the last, incomplete round are drawn again.
std::string random_id(Random& random, std::size_t size) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    constexpr unsigned whole_rounds = 256 / 36 * 36;
    std::string id;
    while (id.size() < size) {
        std::array<std::byte, 1> drawn{};
        random.fill(drawn);
        const auto value = std::to_integer<unsigned>(drawn[0]);
        if (value < whole_rounds) id += letters[value % letters.size()];
    }
    return id;
}

}  // namespace latchkey
