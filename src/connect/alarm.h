#pragma once

#include <memory>

#include <boost/asio/cancellation_signal.hpp>

#include "base/async.h"
#include "base/clock.h"

namespace latchkey::connect {

/// A sleep of one background loop that can be ended early. The loop sleeps on the event loop that
/// it was made for; `ring` and `stop` may be called from any thread.
class Alarm : public std::enable_shared_from_this<Alarm> {
public:
    /// `loop` and `clock` must outlive this object.
    static std::shared_ptr<Alarm> make(boost::asio::io_context& loop, Clock& clock);

    /// Until `when`, until `ring`, or not at all if that was called since the last sleep.
    static Async<void> sleep(std::shared_ptr<Alarm> self, SteadyTime when);
    void ring();
    /// Ends the sleep for good.
    void stop();
    bool stopped() const { return stopped_; }

private:
    Alarm(boost::asio::io_context& loop, Clock& clock) : loop_(loop), clock_(clock) {}
    boost::asio::io_context& loop_;
    Clock& clock_;
    boost::asio::cancellation_signal wake_;
    bool rung_ = false;
    bool stopped_ = false;
};

}  // namespace latchkey::connect
