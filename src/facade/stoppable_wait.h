#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "facade/hop.h"

namespace latchkey {

inline Error cancelled() {
    return {Fault::try_later, "cancelled",
            "The wait was given up because the caller asked to stop. Ask again to go on."};
}

/// What a waiting thread is woken with: the result, or the wish to stop.
template <class T>
class StoppableWait {
public:
    static void deliver(const std::shared_ptr<StoppableWait>& self, Result<T> result) {
        const std::lock_guard hold{self->guard_};
        self->result_.emplace(std::move(result));
        self->changed_.notify_all();
    }
    Result<T> wait(const std::stop_token& stop, Deadline by) {
        std::unique_lock hold{guard_};
        const auto until =
            std::chrono::steady_clock::now() + (by.at - BootClock::now()) + time_for_the_answer;
        changed_.wait_until(hold, stop, until, [this] { return result_.has_value(); });
        if (result_) return std::move(*result_);
        if (stop.stop_requested()) return cancelled();
        return gave_up();
    }

private:
    std::mutex guard_;
    std::condition_variable_any changed_;
    std::optional<Result<T>> result_;
};

/// As wait_for, and ended by `stop`; then `on_stop` is called on the loop, to end the work as well.
template <class T, class Host>
Result<T> wait_or_stop(const std::shared_ptr<Host>& host, Task<T> work, Deadline by,
                       const std::stop_token& stop, std::function<void()> on_stop) {
    if (!stop.stop_possible()) return wait_for(host, std::move(work), by);
    if (stop.stop_requested()) return cancelled();
    if (host->loop().get_executor().running_in_this_thread()) {
        return wait_for(host, std::move(work), by);  // which refuses it
    }
    auto wait = std::make_shared<StoppableWait<T>>();
    boost::asio::co_spawn(host->loop(), carry<T, StoppableWait<T>>(host, std::move(work), wait),
                          boost::asio::detached);
    auto result = wait->wait(stop, by);
    if (!result && stop.stop_requested()) boost::asio::post(host->loop(), std::move(on_stop));
    return result;
}

}  // namespace latchkey
