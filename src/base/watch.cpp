#include "base/watch.h"

#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace latchkey {

struct Watch::Turn {
    bool over = false;
    bool fired = false;
    std::function<void()> then;
    boost::asio::cancellation_signal wake;

    void fire() {
        over = true;
        fired = true;
        then();
    }
};

void Watch::at(SteadyTime when, std::function<void()> then) {
    stop();
    turn_ = std::make_shared<Turn>();
    turn_->then = std::move(then);
    if (clock_.steady() >= when) {
        turn_->fire();
        return;
    }
    boost::asio::co_spawn(
        on_, wait(&clock_, turn_, when),
        boost::asio::bind_cancellation_slot(turn_->wake.slot(), boost::asio::detached));
}

void Watch::stop() {
    if (!turn_ || turn_->over) return;
    turn_->over = true;
    turn_->then = nullptr;
    turn_->wake.emit(boost::asio::cancellation_type::terminal);
}

bool Watch::fired() const {
    return turn_ && turn_->fired;
}

Async<void> Watch::wait(Clock* clock, std::shared_ptr<Turn> turn, SteadyTime when) {
    if (turn->over) co_return;
    co_await clock->sleep_until(when);
    if (!turn->over) turn->fire();
}

}  // namespace latchkey
