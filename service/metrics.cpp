#include "service/metrics.h"

#include <fmt/format.h>

namespace latchkey::service {
namespace {

// Events are names of ours; the bound is for a mistake of ours.
constexpr std::size_t most_events = 200;

}  // namespace

void Metrics::count_request(std::string_view route, int status) {
    ++requests_[{std::string{route}, status}];
}

void Metrics::set_requests(std::string_view route, int status, std::uint64_t count) {
    requests_[{std::string{route}, status}] = count;
}

void Metrics::count_event(std::string_view event) {
    const auto found = events_.find(event);
    if (found != events_.end())
        ++found->second;
    else if (events_.size() < most_events)
        events_.emplace(event, 1);
}

std::string Metrics::text() const {
    std::string out =
        "# HELP latchkey_http_requests_total Requests answered, by route and status.\n"
        "# TYPE latchkey_http_requests_total counter\n";
    for (const auto& [key, value] : requests_)
        out += fmt::format("latchkey_http_requests_total{{route=\"{}\",status=\"{}\"}} {}\n",
                           key.first, key.second, value);
    out +=
        "# HELP latchkey_events_total Records of the log, by event.\n"
        "# TYPE latchkey_events_total counter\n";
    for (const auto& [event, value] : events_)
        out += fmt::format("latchkey_events_total{{event=\"{}\"}} {}\n", event, value);
    return out;
}

}  // namespace latchkey::service
