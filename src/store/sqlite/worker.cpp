#include "store/sqlite/worker.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace latchkey::sqlite {

/// Puts a job into the queue together with the way back to the coroutine that waits for it.
struct Worker::Enqueue {
    Worker* worker;

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
        if (!worker->push({std::move(job), [resume] { resume(true); }})) resume(false);
    }
};

Worker::Worker(std::unique_ptr<Database> database, Clock& clock, Log& log)
    : database_(std::move(database)), clock_(clock), log_(log), thread_([this] { work_off(); }) {}

Worker::~Worker() {
    {
        std::lock_guard hold{mutex_};
        ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

Async<bool> Worker::perform(std::function<void()> job) {
    Enqueue enqueue{this};
    co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>&,
                                                   void(bool)>(std::move(enqueue), use_task,
                                                               std::move(job));
}

bool Worker::push(Job job) {
    {
        std::lock_guard hold{mutex_};
        if (jobs_.size() >= longest_queue) return false;
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

void Worker::work_off() {
    for (;;) {
        Job job;
        {
            std::unique_lock hold{mutex_};
            changed_.wait(hold, [this] { return ending_ || !jobs_.empty(); });
            if (jobs_.empty()) return;
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
        job.run();
        job.resume();
    }
}

Error Worker::reported(const Failure& failure) {
    Error error = error_of(failure);
    log_.write(error.fault == Fault::internal ? Level::error : Level::warning, "store_failed",
               {{"code", error.code},
                {"sqlite_code", std::int64_t{failure.code}},
                {"at_commit", failure.at_commit ? "yes" : "no"},
                {"what", failure.what}});
    return error;
}

}  // namespace latchkey::sqlite
