#include "facade/log_adapter.h"

#include <string>
#include <vector>

#include "base/text.h"

namespace latchkey {

namespace {

constexpr std::size_t most_value_bytes = 1024;

std::string_view word(Level level) {
    switch (level) {
        case Level::debug:
            return "debug";
        case Level::info:
            return "info";
        case Level::warning:
            return "warning";
        case Level::error:
            return "error";
    }
    return "error";
}

}  // namespace

void LogAdapter::write(Level level, std::string_view event,
                       std::initializer_list<Field> fields) noexcept {
    if (!to_) return;
    try {
        LogRecord record;
        record.level = word(level);
        record.event = event;
        std::vector<std::string> values;  // what the record's views point into
        values.reserve(fields.size());
        record.fields.reserve(fields.size());
        for (const auto& field : fields) {
            values.push_back(printable(field.value, most_value_bytes));
            record.fields.emplace_back(field.name, values.back());
        }
        const std::lock_guard hold{one_at_a_time_};
        to_(record);
    } catch (...) {
        // A full disk or a bug behind the function; there is nobody left to tell.
    }
}

}  // namespace latchkey
