#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>

#include "base/async.h"
#include "base/clock.h"
#include "tests/simulation/agenda.h"

namespace latchkey::simulation {

/// Where something with a loop of its own stands in the world: a start of a node, the database,
/// Salesforce. `ready` asks the world to run the loop as soon as it may.
struct Seat {
    Agenda& agenda;
    boost::asio::io_context& loop;
    bool& ready;
};

/// Something that one coroutine waits for and that the world delivers. The waiting coroutine owns
/// it and everybody else holds it weakly: when its node dies it is gone, as an open socket would
/// be. Only the first delivery counts.
template <class T>
class Parcel {
public:
    explicit Parcel(Seat& seat)
        : ready_(seat.ready),
          timer_(seat.loop.get_executor(), std::chrono::steady_clock::time_point::max()) {}

    void deliver(T content) {
        if (content_) return;
        content_.emplace(std::move(content));
        timer_.cancel();
        ready_ = true;
    }
    /// Empty only where the waiting was cancelled.
    Async<std::optional<T>> wait() {
        if (!content_) {
            boost::system::error_code woken;
            co_await timer_.async_wait(boost::asio::redirect_error(use_task, woken));
        }
        std::optional<T> content = std::move(content_);
        co_return content;
    }

private:
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    bool& ready_;
    Timer timer_;  ///< never due; cancelling it wakes who waits
    std::optional<T> content_;
};

template <class T>
void deliver_in(Agenda& agenda, milliseconds wait, std::weak_ptr<Parcel<T>> to, T content) {
    agenda.in(wait, [to = std::move(to), content = std::move(content)] {
        if (const auto parcel = to.lock()) parcel->deliver(content);
    });
}

/// Virtual time as one seat sees it. Its wall clock may be wrong and may jump; the other may not.
class SeatClock final : public Clock {
public:
    SeatClock(Seat& seat, const std::chrono::seconds& skew) : seat_(seat), skew_(skew) {}

    WallTime wall() const override {
        const auto passed = std::chrono::floor<std::chrono::seconds>(seat_.agenda.age());
        return WallTime{std::chrono::seconds{1763900000}} + passed + skew_;
    }
    SteadyTime steady() const override { return seat_.agenda.now(); }
    Async<void> sleep_until(SteadyTime when) override {
        if (when <= seat_.agenda.now()) co_return;
        const auto alarm = std::make_shared<Parcel<bool>>(seat_);
        seat_.agenda.at(when, [weak = std::weak_ptr{alarm}] {
            if (const auto sleeping = weak.lock()) sleeping->deliver(true);
        });
        co_await alarm->wait();
    }

private:
    Seat& seat_;
    const std::chrono::seconds& skew_;
};

}  // namespace latchkey::simulation
