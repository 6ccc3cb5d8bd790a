#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "net/http.h"

namespace latchkey {

// Small questions about HTTP text that the client and the server both ask. Pure functions.

/// A token of RFC 9110 section 5.6.2: method and header names.
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

}  // namespace latchkey
