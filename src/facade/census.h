#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include <latchkey/status.h>

#include "base/clock.h"
#include "store/connection_index.h"

namespace latchkey {

/// How many connections there are, of each standing and in all of those that a new history of the
/// database has made suspect.
struct Counted {
    std::vector<StandingShare> connections;
    std::int64_t suspect = 0;
    Counted() = default;
};

/// What is counted, remembered: however often somebody asks, the store counts them at most
/// once a minute. For one loop.
class Census {
public:
    static constexpr std::chrono::seconds every{60};
    static constexpr std::chrono::seconds again_after_failure{10};

    /// Counts if it is time to. Who asks meanwhile is given what was known before; a count that fails
    /// leaves nothing, because an old number would look like a new one.
    Async<std::optional<Counted>> take(ConnectionIndex& index, Clock& clock, Deadline by);

private:
    std::optional<Counted> last_;
    SteadyTime due_{};
};

}  // namespace latchkey
