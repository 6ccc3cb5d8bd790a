#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace latchkey::service {

/// Counters in the text format of Prometheus. Labels come from fixed sets: route patterns, status
/// classes and event names, never ids, addresses or user names. One loop's property; no locking.
class Metrics {
public:
    void count_request(std::string_view route, int status);
    /// Takes the place of what was counted before: for what others count themselves.
    void set_requests(std::string_view route, int status, std::uint64_t count);
    void count_event(std::string_view event);
    std::string text() const;

private:
    std::map<std::pair<std::string, int>, std::uint64_t> requests_;
    std::map<std::string, std::uint64_t, std::less<>> events_;
};

}  // namespace latchkey::service
