#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"

namespace latchkey {

/// Does one thing on the loop if a moment comes before it is told to stop. It puts a time-out
/// around an await: what it does is to reset or interrupt whatever is awaited.
class Watch {
public:
    /// `clock` must outlive this object; both belong to one loop.
    Watch(Clock& clock, Executor on) : clock_(clock), on_(on) {}
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { stop(); }

    /// Takes the place of an earlier wish. If `when` has passed, `then` is called before this
    /// returns.
    void at(SteadyTime when, std::function<void()> then);
    void stop();
    /// True if the last wish came true.
    bool fired() const;

private:
    struct Turn;
    static Async<void> wait(Clock* clock, std::shared_ptr<Turn> turn, SteadyTime when);

    Clock& clock_;
    Executor on_;
    std::shared_ptr<Turn> turn_;
};

}  // namespace latchkey
