#include "store/work_thread.h"

#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "base/quiet_thread.h"

namespace latchkey {

/// Puts a job into the queue together with the way back to the coroutine that waits for it.
struct WorkThread::Enqueue {
    WorkThread* thread;
    Ends ends;

    template <class Handler>
    void operator()(Handler handler, std::function<void()> job) const {
        const auto executor = boost::asio::get_associated_executor(handler);
        // The guard keeps the caller's loop running while its work is in our hands.
        auto guard = std::make_shared<boost::asio::executor_work_guard<Executor>>(executor);
        auto waiting = std::make_shared<Handler>(std::move(handler));
        const auto resume = [executor, guard, waiting](bool ran) {
            // The guard is given back on the loop itself: once the coroutine has been resumed its
            // loop may end and be gone before this thread comes to its next line.
            boost::asio::post(executor, [waiting, guard, ran] {
                guard->reset();
                std::move (*waiting)(ran);
            });
        };
        if (!thread->push({std::move(job), ends, [resume] { resume(true); }})) resume(false);
    }
};

WorkThread::WorkThread(std::function<void()> finish, std::size_t most_together)
    : finish_(std::move(finish)),
      most_together_(most_together),
      thread_(quiet_thread([this] { work_off(); })) {}

WorkThread::~WorkThread() {
    {
        std::lock_guard hold{mutex_};
        ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

Async<bool> WorkThread::perform(std::function<void()> job, Ends ends) {
    Enqueue enqueue{this, ends};
    const auto waking = waking_;
    const bool ran =
        co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>&,
                                             void(bool)>(std::move(enqueue), use_task,
                                                         std::move(job));
    // This may run before the thread has left the loop that it has just woken.
    const std::lock_guard out{*waking};
    co_return ran;
}

void WorkThread::give_back(const std::function<void()>& resume) {
    const std::lock_guard hold{*waking_};
    resume();
}

bool WorkThread::push(Job job) {
    {
        std::lock_guard hold{mutex_};
        if (jobs_.size() >= longest_queue) return false;
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

std::optional<WorkThread::Job> WorkThread::next(bool wait) {
    std::unique_lock hold{mutex_};
    if (wait) changed_.wait(hold, [this] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return std::nullopt;
    std::optional<Job> job{std::move(jobs_.front())};
    jobs_.pop_front();
    return job;
}

void WorkThread::work_off() {
    std::vector<std::function<void()>> together;
    const auto finish = [&] {
        if (together.empty()) return;
        finish_();
        for (const auto& resume : together) give_back(resume);
        together.clear();
    };
    for (;;) {
        auto job = next(together.empty());
        if (!job && together.empty()) return;
        if (!job || job->ends == Ends::alone) finish();
        if (!job) continue;
        job->run();
        if (job->ends == Ends::alone) {
            give_back(job->resume);
            continue;
        }
        together.push_back(std::move(job->resume));
        if (together.size() >= most_together_) finish();
    }
}

}  // namespace latchkey
