#pragma once

#include <string>
#include <string_view>

namespace latchkey::oauth {

/// SHA-256, 32 raw bytes (FIPS 180-4).
std::string sha256(std::string_view bytes);

}  // namespace latchkey::oauth
