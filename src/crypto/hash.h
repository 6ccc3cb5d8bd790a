#pragma once

#include <string>
#include <string_view>

namespace latchkey {

/// SHA-256 (FIPS 180-4): 32 raw bytes. Cheap enough for every request: the algorithm is looked up
/// once a process. Ends the process if OpenSSL has no SHA-256, for nothing of ours could go on.
std::string sha256(std::string_view bytes);

/// HMAC-SHA256 (RFC 2104): 32 raw bytes. Keys of any length.
std::string hmac_sha256(std::string_view key, std::string_view bytes);

}  // namespace latchkey
