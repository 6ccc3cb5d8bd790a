#include <algorithm>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "store/memory/memory_state.h"

namespace latchkey::memory {

/// One who waits for a change: a timer that is never due; cancelling it wakes its coroutine, on
/// whichever loop that runs.
struct Waiter {
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    explicit Waiter(Executor on) : timer(on, std::chrono::steady_clock::time_point::max()) {}
    Timer timer;
};

void Contents::note_change(const ConnectionId& connection) {
    changed.push_back(connection);
    ++last_change;
    if (changed.size() > most_changes_kept) changed.pop_front();
    for (const auto& waiting : waiters)
        if (const auto waiter = waiting.lock()) waiter->timer.cancel();
    waiters.clear();
}

namespace {

Async<void> woken(std::shared_ptr<Waiter> waiter) {
    boost::system::error_code cancelled;
    co_await waiter->timer.async_wait(boost::asio::redirect_error(use_task, cancelled));
}

class ChangedRows final : public Changes {
public:
    explicit ChangedRows(Contents& state) : state_(state) {}

    Task<ChangeBatch> next(std::int64_t mark, Deadline by) override {
        using namespace boost::asio::experimental::awaitable_operators;
        if (mark == 0) mark = state_.last_change;
        if (mark >= state_.last_change) {
            auto waiter = std::make_shared<Waiter>(co_await boost::asio::this_coro::executor);
            std::erase_if(state_.waiters, [](const auto& past) { return past.expired(); });
            state_.waiters.push_back(waiter);
            auto change = woken(waiter);
            auto passed = state_.clock.sleep_until(by.at);
            auto either = std::move(change) || std::move(passed);
            co_await std::move(either);
        }
        co_return since(mark);
    }

private:
    Result<ChangeBatch> since(std::int64_t mark) const {
        ChangeBatch batch;
        batch.mark = state_.last_change;
        const auto behind = static_cast<std::size_t>(state_.last_change - mark);
        batch.anything = behind > state_.changed.size();
        if (batch.anything) return batch;
        batch.connections.assign(state_.changed.end() - static_cast<std::ptrdiff_t>(behind),
                                 state_.changed.end());
        std::sort(batch.connections.begin(), batch.connections.end());
        batch.connections.erase(std::unique(batch.connections.begin(), batch.connections.end()),
                                batch.connections.end());
        return batch;
    }

    Contents& state_;
};

}  // namespace

std::unique_ptr<Changes> make_changes(Contents& state) {
    return std::make_unique<ChangedRows>(state);
}

}  // namespace latchkey::memory
