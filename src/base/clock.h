#pragma once

#include <latchkey/time.h>

#include "base/async.h"

namespace latchkey {

/// Time, handed in, so that tests move it. Safe to use from several threads.
class Clock {
public:
    virtual ~Clock() = default;
    virtual WallTime wall() const = 0;
    virtual SteadyTime steady() const = 0;
    /// Returns at `when` or when the coroutine is cancelled, whichever is first.
    virtual Async<void> sleep_until(SteadyTime when) = 0;

    Deadline in(std::chrono::milliseconds wait) const { return Deadline{steady() + wait}; }
};

/// The machine's own clocks.
class SystemClock final : public Clock {
public:
    WallTime wall() const override;
    SteadyTime steady() const override;
    Async<void> sleep_until(SteadyTime when) override;
};

}  // namespace latchkey
