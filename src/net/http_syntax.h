#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "net/http.h"

namespace latchkey {

// Small questions about HTTP text that the client and the server both ask. Pure functions.

/// A character of a token (RFC 9110 section 5.6.2).
inline bool is_token_char(char c) noexcept;
/// A token: method and header names.
bool is_token(std::string_view text);
/// No control byte but the tab (RFC 9110 section 5.5). Bytes above 0x7f are allowed.
bool is_field_value(std::string_view text);
/// origin-form of RFC 9112 section 3.2.1: starts with '/', visible ASCII, no '#'.
bool is_origin_form(std::string_view text);
/// A Host value: name or IPv4, or an IPv6 literal in brackets, with an optional port. No user info.
bool is_host(std::string_view text);

/// Without blanks and tabs at both ends.
std::string_view trim(std::string_view text);

/// Lines that only the connection's own end may write: framing and hop-by-hop.
bool is_framing(std::string_view header_name);

namespace detail {
/// A bit for each token character below 0x80.
constexpr std::array<std::uint64_t, 2> make_token_bits() {
    std::array<std::uint64_t, 2> bits{};
    for (const char c : std::string_view{"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}) {
        const auto at = static_cast<unsigned char>(c);
        bits[at / 64] |= std::uint64_t{1} << (at % 64);
    }
    return bits;
}
inline constexpr auto token_bits = make_token_bits();
}  // namespace detail

inline bool is_token_char(char c) noexcept {
    const auto at = static_cast<unsigned char>(c);
    return at < 0x80 && (detail::token_bits[at / 64] >> (at % 64) & 1) != 0;
}

}  // namespace latchkey
