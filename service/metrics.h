#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/options.h>

#include "service/metric_families.h"

namespace latchkey::service {

/// What the server counts, in the text format of Prometheus. Metrics and their labels' names are
/// those of metric_families.h; anything else is dropped and counted as dropped, as are values beyond
/// `most_series` of a metric, so that no mistake can make the text grow without bound. Safe from any
/// thread: the relay's loops log too.
class Metrics {
public:
    static constexpr std::size_t most_series = 1000;

    void count_request(std::string_view route, int status);
    /// Takes the place of what was counted before: for what others count themselves.
    void set_requests(std::string_view route, int status, std::uint64_t count);
    void count_event(std::string_view event);
    void measure(const Measurement& measured);
    /// A gauge, or a counter that is kept elsewhere: what it stands at now. Forgotten by `forget`.
    void set(std::string_view name, std::initializer_list<std::string_view> values, double to);
    /// Drops all values of a metric, so that a label that is gone does not stay for ever.
    void forget(std::string_view name);
    std::string text() const;

private:
    struct Series {
        double value = 0;                    ///< a histogram's sum
        std::uint64_t count = 0;             ///< of a histogram
        std::vector<std::uint64_t> buckets;  ///< how many fell into each, not yet added up
    };
    using Labels = std::vector<std::string>;

    Series* series(const MetricFamily* family, Labels values);

    mutable std::mutex guard_;
    std::map<std::string_view, std::map<Labels, Series>> all_;  ///< by the family's name
    std::uint64_t dropped_ = 0;
};

}  // namespace latchkey::service
