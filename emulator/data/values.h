#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace latchkey::emulator::rest {

/// What stands in a record's field. The field's type says which alternative it is: days since 1970
/// for dates and UTC seconds since 1970 for datetimes (both int64), double for every number, text
/// for the rest. An empty text is kept as null, as in Salesforce.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

inline bool is_null(const Value& value) {
    return std::holds_alternative<std::monostate>(value);
}

/// "2026-11-23".
std::string print_date(std::int64_t days);
/// "2026-11-23T10:00:00.000+0000", the form of Salesforce's JSON answers.
std::string print_datetime(std::int64_t seconds);

/// YYYY-MM-DD of a day that exists, years 1700 to 4000.
std::optional<std::int64_t> parse_date(std::string_view text);
/// YYYY-MM-DDThh:mm:ss[.fraction] and Z, +hh:mm or +hhmm; the fraction is dropped.
std::optional<std::int64_t> parse_datetime(std::string_view text);

/// An 18-character record id: key prefix, pod "Lk", ten base62 digits of `number`, checksum.
/// source: salesforce-oauth reference, "Ids and token formats"
std::string record_id(std::string_view key_prefix, std::uint64_t number);

/// The 18-character form of an id of 15 or 18 characters. In an 18-character id the case of the
/// first 15 is restored from the checksum, because that is what the checksum is for.
/// returns  nullopt if it cannot be an id
std::optional<std::string> full_id(std::string_view text);

/// Whether the bytes are UTF-8 (RFC 3629): what is not would make an answer that is not JSON.
bool valid_utf8(std::string_view text);

}  // namespace latchkey::emulator::rest
