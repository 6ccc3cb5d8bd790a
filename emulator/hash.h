#pragma once

#include <string>
#include <string_view>

namespace latchkey::emulator {

/// 32 bytes.
std::string sha256(std::string_view bytes);
/// 32 bytes (RFC 2104 with SHA-256).
std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// Equal, without telling through time where two texts of one length differ.
bool same(std::string_view a, std::string_view b);

}  // namespace latchkey::emulator
