#pragma once

#include <cstdint>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/time.h>

#include "base/async.h"

namespace latchkey {

/// What was changed in the store's connections since a mark.
struct ChangeBatch {
    std::vector<ConnectionId> connections;  ///< each once
    bool anything = false;  ///< more than is named may have changed: trust nothing remembered
    std::int64_t mark = 0;  ///< where the next question goes on
    bool empty() const { return connections.empty() && !anything; }
};

/// Tells a node that connections were changed, so that it drops what it remembers of them and wakes
/// who waits for them. It is a hint: batches may be late or lost when the way to the database
/// breaks, so whoever listens also looks from time to time. A node's own changes may be among them.
class Changes {
public:
    virtual ~Changes() = default;
    /// Waits until something has changed after `mark`, or until `by`, which is no error: the batch
    /// is empty then. A mark of 0 means from now on. Ends at once when its coroutine is cancelled.
    /// Several may wait, each with its own mark; one that lags far behind gets `anything`.
    virtual Task<ChangeBatch> next(std::int64_t mark, Deadline by) = 0;
};

}  // namespace latchkey
