#pragma once

#include <cstddef>

namespace latchkey {

/// What has to be free in the journal before a refresh begins: the largest answer that is read, and
/// what sealing and framing add to it.
inline constexpr std::size_t answer_room = std::size_t{1024 + 64} * 1024;

}  // namespace latchkey
