#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <latchkey/time.h>

namespace latchkey::emulator::rest {

/// Whole days, `from` included and `until` excluded, as days since 1970 in UTC.
struct Days {
    std::int64_t from = 0;
    std::int64_t until = 0;
};

/// Whether SOQL knows a date literal of this name (TODAY, LAST_N_DAYS, ...), whatever its case.
bool known_period(std::string_view name);

/// The days of a date literal, its name in upper case; `n` counts for those with _N_ only.
/// source: SOQL and SOSL Reference, "Date Formats and Date Literals in WHERE". Our org's users live
/// in UTC and their week begins on Sunday.
std::optional<Days> days_of(std::string_view name, std::int64_t n, WallTime now);

}  // namespace latchkey::emulator::rest
