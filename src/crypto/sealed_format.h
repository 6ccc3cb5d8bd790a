#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <latchkey/error.h>

namespace latchkey {

/// What stands before the nonce of a sealed value: version 1, the key's id (4 bytes) and a check of
/// these two (4 bytes), so that a damaged id is told from an id of another key ring.
inline constexpr std::size_t seal_header_bytes = 9;

/// True for exactly 8 digits of [0-9a-f].
bool is_key_id(std::string_view id);

/// The header for a key id that `is_key_id`.
std::string seal_header(std::string_view key_id);

/// The key id of a sealed value; nullopt if there is no whole, undamaged header of version 1.
std::optional<std::string> key_id_of(std::string_view sealed);

/// internal `corrupt`: it says nothing about what differed.
Error corrupt();

}  // namespace latchkey
