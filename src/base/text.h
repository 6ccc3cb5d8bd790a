#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <latchkey/time.h>

namespace latchkey {

/// base64url without padding (RFC 4648 section 5), as PKCE, JWT and our own names use it.
std::string base64url(std::string_view bytes);
/// Strict: canonical, no padding, no white space; nullopt otherwise.
std::optional<std::string> from_base64url(std::string_view text);
/// base64 with padding (RFC 4648 section 4).
std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);
std::string hex(std::string_view bytes);

/// Percent-encodes all but RFC 3986 unreserved characters.
std::string percent_encode(std::string_view text);
/// Decodes %XX; with `form`, also + as a blank. nullopt on a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool form = false);

/// At most `limit` bytes of printable ASCII; everything else becomes '?'. For text of other people
/// that goes into a log, an error or a page.
std::string printable(std::string_view text, std::size_t limit = 256);

/// ASCII only; bytes above 0x7f are left as they are.
std::string ascii_lower(std::string_view text);
bool ascii_iequal(std::string_view a, std::string_view b);

/// Escapes & < > " ' for HTML text and quoted attributes.
std::string html_escape(std::string_view text);

/// Name and value pairs of application/x-www-form-urlencoded text, in order, decoded once.
using FormFields = std::vector<std::pair<std::string, std::string>>;
/// nullopt on a broken escape or more than 1,000 fields. An empty text has no fields.
std::optional<FormFields> parse_form(std::string_view text);
std::string print_form(const FormFields& fields);
/// The value of a field that stands exactly once; nullopt if it is absent or repeated.
std::optional<std::string> only(const FormFields& fields, std::string_view name);
std::size_t count(const FormFields& fields, std::string_view name);

/// Decimal digits only, at most `limit`; nullopt otherwise.
std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t limit);

/// RFC 3339 in UTC with whole seconds: 2026-11-23T10:00:00Z.
std::string rfc3339(WallTime when);

}  // namespace latchkey
