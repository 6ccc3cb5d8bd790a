#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace latchkey {

enum class Level { debug, info, warning, error };

/// One named value of a log record. There is no way to make one of a Secret.
struct Field {
    std::string_view name;
    std::string value;
    Field(std::string_view n, std::string_view v) : name(n), value(v) {}
    Field(std::string_view n, const char* v) : name(n), value(v) {}
    Field(std::string_view n, const std::string& v) : name(n), value(v) {}
    Field(std::string_view n, std::int64_t v) : name(n), value(std::to_string(v)) {}
};

/// Where records go; a front door hands one in. Calls return at once, from any thread, and never
/// fail the caller. `event` is a snake_case name, such as "refresh_settled"; values are other
/// people's text and are escaped by the sink, so that one record stays one record.
class Log {
public:
    virtual ~Log() = default;
    virtual void write(Level level, std::string_view event,
                       std::initializer_list<Field> fields) noexcept = 0;
};

/// Says nothing.
class NoLog final : public Log {
public:
    void write(Level, std::string_view, std::initializer_list<Field>) noexcept override {}
};

}  // namespace latchkey
