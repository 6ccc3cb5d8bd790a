#include "emulator/data/periods.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.h"

namespace latchkey::emulator::rest {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month;

constexpr std::array<std::string_view, 14> names = {
    "TODAY",     "YESTERDAY",  "TOMORROW",    "THIS_WEEK",  "LAST_WEEK",
    "NEXT_WEEK", "THIS_MONTH", "LAST_MONTH",  "NEXT_MONTH", "THIS_YEAR",
    "LAST_YEAR", "NEXT_YEAR",  "LAST_N_DAYS", "NEXT_N_DAYS"};

Days months(year_month first, int count) {
    const sys_days from{first / 1};
    const sys_days until{(first + std::chrono::months{count}) / 1};
    return {from.time_since_epoch().count(), until.time_since_epoch().count()};
}

}  // namespace

bool known_period(std::string_view name) {
    return std::ranges::any_of(names, [&](auto known) { return ascii_iequal(known, name); });
}

std::optional<Days> days_of(std::string_view name, std::int64_t n, WallTime now) {
    const sys_days day = std::chrono::floor<std::chrono::days>(now);
    const std::int64_t today = day.time_since_epoch().count();
    if (name == "TODAY") return Days{today, today + 1};
    if (name == "YESTERDAY") return Days{today - 1, today};
    if (name == "TOMORROW") return Days{today + 1, today + 2};
    if (name == "LAST_N_DAYS") return Days{today - n, today + 1};
    if (name == "NEXT_N_DAYS") return Days{today + 1, today + 1 + n};

    const std::int64_t step = name.starts_with("LAST_") ? -1 : name.starts_with("NEXT_") ? 1 : 0;
    if (name.ends_with("_WEEK")) {
        const std::int64_t sunday = today - std::chrono::weekday{day}.c_encoding();
        return Days{sunday + 7 * step, sunday + 7 * step + 7};
    }
    const std::chrono::year_month_day date{day};
    if (name.ends_with("_MONTH")) {
        return months(date.year() / date.month() + std::chrono::months{step}, 1);
    }
    if (name.ends_with("_YEAR")) {
        return months((date.year() + std::chrono::years{step}) / std::chrono::January, 12);
    }
    return std::nullopt;
}

}  // namespace latchkey::emulator::rest
