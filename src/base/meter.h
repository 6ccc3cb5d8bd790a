#pragma once

#include <chrono>
#include <initializer_list>
#include <string_view>

namespace latchkey {

/// One label of a measurement. Values come from small sets that are known beforehand: results,
/// states, codes of ours, names of providers. Never ids, addresses, or names of people.
struct Label {
    std::string_view name;
    std::string_view value;
};

/// Where numbers go; a front door hands one in. Calls return at once, from any thread, and never
/// fail the caller. Names are those of docs/operating/logs-and-metrics.md without "latchkey_".
class Meter {
public:
    virtual ~Meter() = default;
    /// It happened once more.
    virtual void count(std::string_view name, std::initializer_list<Label> labels) noexcept = 0;
    /// It took this long.
    virtual void took(std::string_view name, std::initializer_list<Label> labels,
                      std::chrono::duration<double> time) noexcept = 0;
};

/// Counts nothing.
class NoMeter final : public Meter {
public:
    void count(std::string_view, std::initializer_list<Label>) noexcept override {}
    void took(std::string_view, std::initializer_list<Label>,
              std::chrono::duration<double>) noexcept override {}
};

inline Meter& no_meter() noexcept {
    static NoMeter none;
    return none;
}

}  // namespace latchkey
