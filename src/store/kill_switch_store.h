#pragma once

#include <vector>

#include <latchkey/kill_switch.h>

#include "base/async.h"

namespace latchkey {

/// The kill switches that are on. Each call is one short transaction, durable before it returns.
class KillSwitchStore {
public:
    virtual ~KillSwitchStore() = default;
    /// By provider, the one for all first.
    virtual Task<std::vector<KillSwitch>> list(Deadline by) = 0;
    /// One that is on already keeps its time; it may gain `revokes` and cannot lose it, and it is
    /// swept anew then. A reason that is not empty replaces the former one. Safe to repeat.
    virtual Task<KillSwitch> turn_on(KillSwitch wish, Deadline by) = 0;
    /// Notes that none of its connections was left. Nothing happens if it is off by now.
    virtual Task<void> note_swept(ProviderId provider, Deadline by) = 0;
    /// errors  not_found kill_switch_not_found
    virtual Task<void> turn_off(ProviderId provider, Deadline by) = 0;
};

}  // namespace latchkey
