#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "store/postgres/dialler.h"

namespace latchkey::postgres {

/// A few links to the primary, on a loop of their own with one thread, and the queue of those who
/// wait for one. Callers on any loop are resumed on their own. A statement that was handed over runs
/// whether its caller still waits or not.
///
/// One statement at a time on a link: each is a transaction that ends with a sync, and links that
/// wait for it side by side share one, while statements behind each other on one link would not.
class Pool {
public:
    static constexpr std::size_t longest_queue = 10'000;

    /// All references must outlive this object.
    Pool(Dsn dsn, std::size_t links, Clock& clock, Log& log);
    ~Pool() { finish(); }
    /// Gives what is queued back undone, lets what is running end for two seconds, and ends the
    /// thread. Every loop that has called must still be there.
    void finish();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// Runs one statement on the primary.
    /// errors  those of store.h
    Task<Rows> ask(Query query, Deadline by);

    /// Runs `work` on the pool's loop with a link that is its own until it ends, for what is more
    /// than one statement. The link is closed afterwards.
    Task<void> with_link(std::function<Task<void>(Link&)> work, Deadline by);

    /// Returns when every call that was made before has been answered, and the pool's thread has let
    /// go of the loops they came from.
    /// errors  try_later storage_unavailable: not by then
    Task<void> quiet(Deadline by);

    /// A link of its own for somebody who listens; on the pool's loop only.
    Task<std::unique_ptr<Link>> dial(Deadline by) { return dialler_.dial(by); }
    boost::asio::io_context& loop() { return loop_; }
    /// Waits that long, or until the pool ends; on the pool's loop only. The machine's own time: it
    /// is how often to look, and nothing depends on it.
    Async<void> pause(std::chrono::milliseconds time);
    bool ending() const { return ending_; }
    /// Called on the pool's loop when the pool ends; on the pool's loop only.
    void at_end(std::function<void()> what) { at_end_.push_back(std::move(what)); }
    Log& log() { return log_; }
    Clock& clock() { return clock_; }

    /// What a failed statement means to a caller of the store; logs it.
    Result<Rows> judge(const Query& query, Outcome outcome);

private:
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    struct Job {
        std::optional<Query> query;
        std::function<Task<void>(Link&)> work;  ///< instead of a query
        Deadline by;
        std::function<void(Result<Rows>)> resume;
        explicit Job(Deadline until) : by(until) {}
    };
    /// One link's place. `wake` sleeps while there is nothing to do.
    struct Seat {
        explicit Seat(Executor on) : wake(on, Timer::time_point::max()) {}
        Timer wake;
        std::unique_ptr<Link> link;
        std::size_t host = 0;  ///< that the link leads to
    };
    struct Enqueue;

    Async<Result<Rows>> perform(std::shared_ptr<Job> job);
    void push(std::shared_ptr<Job> job);
    void answer(Job& job, Result<Rows> outcome);
    Async<void> serve(Seat* seat);
    Async<Result<Rows>> carry_out(Seat* seat, std::shared_ptr<Job> job);
    Task<void> take_link(Seat* seat, Deadline by);
    Async<Outcome> run_on(Seat* seat, std::shared_ptr<Job> job);
    Async<void> sweep();
    void drop_idle_links();
    void end();

    Clock& clock_;
    Log& log_;
    boost::asio::io_context loop_{1};
    boost::asio::executor_work_guard<Executor> stay_{loop_.get_executor()};
    SystemResolver resolver_;
    Dialler dialler_;
    std::vector<std::unique_ptr<Seat>> seats_;
    std::vector<Seat*> idle_;  ///< the last used at the end: few links stay warm
    std::deque<std::shared_ptr<Job>> jobs_;
    std::atomic<std::size_t> waiting_{0};     ///< in the queue
    std::atomic<std::size_t> unanswered_{0};  ///< in the queue or running
    /// Held while a caller's loop is woken; callers, who may outlive this object, hold it too.
    std::shared_ptr<std::mutex> waking_ = std::make_shared<std::mutex>();
    bool ending_ = false;
    bool sweeping_ = false;
    std::size_t seated_ = 0;          ///< seats that have not ended
    std::shared_ptr<Timer> leaving_;  ///< how long the end waits for what is running
    std::vector<std::function<void()>> at_end_;
    std::vector<Timer*> pauses_;
    std::thread thread_;
};

}  // namespace latchkey::postgres
