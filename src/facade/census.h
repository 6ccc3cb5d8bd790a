#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include <latchkey/status.h>

#include "base/clock.h"
#include "store/connection_index.h"

namespace latchkey {

/// Connections by standing, remembered: however often somebody asks, the store counts them at most
/// once a minute. For one loop.
class Census {
public:
    static constexpr std::chrono::seconds every{60};
    static constexpr std::chrono::seconds again_after_failure{10};

    /// Counts if it is time to. Who asks meanwhile is given what was known before; a count that fails
    /// leaves nothing, because an old number would look like a new one.
    Async<std::optional<std::vector<StandingShare>>> take(ConnectionIndex& index, Clock& clock,
                                                          Deadline by);

private:
    std::optional<std::vector<StandingShare>> last_;
    SteadyTime due_{};
};

}  // namespace latchkey
