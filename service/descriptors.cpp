#include "service/descriptors.h"

#include <algorithm>
#include <limits>

#include <sys/resource.h>

#include "net/http_server.h"

namespace latchkey::service {
namespace {

// A server that has just started holds some twenty. A PostgreSQL pool has nine; a refresh has one to
// Salesforce, and half a dozen are under way at once where a hundred begin in a second.
constexpr std::size_t reserve = 64;
constexpr std::size_t reserve_of_a_loop = 4;  // its listener, epoll, event and timer
constexpr std::size_t least = 4;

}  // namespace

ConnectionShares share_descriptors(std::size_t descriptors, int loops) {
    const std::size_t most = ServerLimits{}.connections;
    const auto count = static_cast<std::size_t>(std::max(loops, 1));
    const auto kept = reserve + reserve_of_a_loop * count;
    const auto callers = (std::max(descriptors, kept) - kept) / 2;
    ConnectionShares shares;
    shares.operators = std::clamp(callers / 8, least, most);
    const auto rest = std::max(callers, shares.operators) - shares.operators;
    shares.each_loop = std::clamp(rest / count, least, most);
    return shares;
}

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;  // what most systems begin with
    if (limit.rlim_cur < limit.rlim_max) {
        rlimit raised = limit;
        raised.rlim_cur = limit.rlim_max;
        if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    return std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<std::size_t>::max() / 2);
}

}  // namespace latchkey::service
