#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace latchkey::oauth {

inline constexpr std::size_t token_limit = 16 * 1024;

/// True for what may be a token: 1 byte to 16 KiB of visible ASCII or blanks (RFC 6749 appendix
/// A.12 and A.17). It keeps a line break out of every header that a token will stand in.
inline bool is_token_text(std::string_view text) {
    return !text.empty() && text.size() <= token_limit &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

}  // namespace latchkey::oauth
