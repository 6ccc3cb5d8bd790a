#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <unordered_map>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/token_set.h>

#include "base/random.h"
#include "refresh/plan_times.h"

namespace latchkey {

/// Connections in use whose access token is known to end: each is due once, shortly before that end,
/// so that whoever uses it does not wait. One that nobody has used in the second half of its token's
/// life is not due: a rotation that nobody needs is a chance to lose one. Each process knows its own
/// callers only. Forgotten at a restart. For one loop.
class InUse {
public:
    static constexpr std::size_t most = 65536;

    struct Due {
        ConnectionId who;
        Generation generation;
    };

    /// `random` must outlive this object.
    InUse(const PlanTimes& times, Random& random) : times_(times), random_(random) {}

    /// A token was handed out.
    void used(const ConnectionId& who, const AccessToken& token, WallTime wall, SteadyTime now);
    /// Takes out what is due, at most `limit`.
    std::vector<Due> take(SteadyTime now, std::size_t limit);
    std::size_t size() const { return uses_.size(); }

private:
    using ByDue = std::multimap<SteadyTime, ConnectionId>;
    struct Use {
        Generation generation;
        ByDue::iterator place;
        SteadyTime last;
        std::chrono::seconds half_life{0};
    };
    std::chrono::milliseconds lead(std::chrono::seconds life);

    PlanTimes times_;
    Random& random_;
    std::unordered_map<ConnectionId, Use> uses_;
    ByDue by_due_;
};

}  // namespace latchkey
