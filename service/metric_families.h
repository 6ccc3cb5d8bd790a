#pragma once

#include <array>
#include <span>
#include <string_view>

namespace latchkey::service {

enum class MetricKind { counter, gauge, histogram };

/// One metric: what it is called, what it tells, and the names of its labels in order. The values of
/// labels are results, states, codes of ours and provider names, so their number has a bound.
struct MetricFamily {
    std::string_view name;  ///< without "latchkey_"
    MetricKind kind;
    std::string_view help;
    std::array<std::string_view, 3> labels{};  ///< empty ones are none
    std::span<const double> buckets{};         ///< of a histogram, in seconds, rising
};

/// All that the server tells, in the order in which it is printed.
std::span<const MetricFamily> metric_families();
/// nullptr for a name that is none of them.
const MetricFamily* metric_family(std::string_view name);

}  // namespace latchkey::service
