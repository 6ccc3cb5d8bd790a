#include "store/postgres/pool.h"

#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/quiet_thread.h"
#include "store/errors.h"
#include "store/postgres/failures.h"

namespace latchkey::postgres {

using namespace std::chrono_literals;

namespace {

constexpr auto look_for_overdue = 20ms;
constexpr auto time_to_end = 2s;

bool broken(const Outcome& outcome) {
    return outcome.kind == Outcome::Kind::lost || outcome.kind == Outcome::Kind::not_sent;
}

/// A link that was kept may have ended a moment before; the same statement on a fresh one is not a
/// second one where it changes nothing, or where nothing of it was handed over.
bool may_run_again(const Query& query, const Outcome& outcome) {
    if (outcome.timed_out) return false;
    return outcome.kind == Outcome::Kind::not_sent ||
           (outcome.kind == Outcome::Kind::lost && !query.writes);
}

}  // namespace

/// Hands a job to the pool's loop together with the way back to the coroutine that waits for it.
struct Pool::Enqueue {
    Pool* pool;

    template <class Handler>
    void operator()(Handler handler, std::shared_ptr<Job> job) const {
        const auto executor = boost::asio::get_associated_executor(handler);
        // The guard keeps the caller's loop running while its work is in our hands. It is given back
        // on that loop, before the coroutine goes on: then the loop may end and be gone.
        auto guard = std::make_shared<boost::asio::executor_work_guard<Executor>>(executor);
        auto waiting = std::make_shared<Handler>(std::move(handler));
        ++pool->unanswered_;
        job->resume = [executor, guard, waiting](Result<Rows> outcome) {
            boost::asio::post(executor, [waiting, guard, outcome = std::move(outcome)]() mutable {
                guard->reset();
                std::move (*waiting)(std::move(outcome));
            });
        };
        boost::asio::post(pool->loop_, [pool = pool, job] { pool->push(job); });
    }
};

Pool::Pool(Dsn dsn, std::size_t links, Clock& clock, Log& log)
    : clock_(clock),
      log_(log),
      resolver_(clock),
      dialler_(std::move(dsn), loop_.get_executor(), clock, resolver_, log) {
    seated_ = links;
    for (std::size_t i = 0; i < links; ++i) {
        seats_.push_back(std::make_unique<Seat>(loop_.get_executor()));
        boost::asio::co_spawn(loop_, serve(seats_.back().get()), boost::asio::detached);
    }
    thread_ = quiet_thread([this] { loop_.run(); });
}

void Pool::finish() {
    if (!thread_.joinable()) return;
    boost::asio::post(loop_, [this] { end(); });
    thread_.join();
}

/// Every seat ends when its statement has ended; those that take too long lose their link, which
/// ends the statement at once.
void Pool::end() {
    ending_ = true;
    for (auto& job : jobs_) answer(*job, store_error::unavailable("it is being closed"));
    jobs_.clear();
    for (auto* seat : idle_) seat->wake.cancel();
    for (const auto& what : at_end_) what();
    for (auto* timer : pauses_) timer->cancel();
    leaving_ = std::make_shared<Timer>(loop_.get_executor(), time_to_end);
    leaving_->async_wait([this](boost::system::error_code over) {
        if (over) return;
        for (auto& seat : seats_)
            if (seat->link) seat->link->interrupt();
    });
    stay_.reset();
}

Task<Rows> Pool::ask(Query query, Deadline by) {
    if (waiting_.load() >= longest_queue)
        co_return store_error::unavailable("too many calls are waiting for it");
    auto job = std::make_shared<Job>(by);
    job->query = std::move(query);
    co_return co_await perform(std::move(job));
}

Task<void> Pool::with_link(std::function<Task<void>(Link&)> work, Deadline by) {
    auto job = std::make_shared<Job>(by);
    job->work = std::move(work);
    auto done = co_await perform(std::move(job));
    if (!done) co_return done.error();
    co_return Result<void>{};
}

Task<void> Pool::quiet(Deadline by) {
    const Executor on = co_await boost::asio::this_coro::executor;
    while (unanswered_.load() != 0) {
        if (by.passed(clock_.steady()))
            co_return store_error::unavailable("calls are still running");
        Timer timer{on, look_for_overdue};
        boost::system::error_code woken;
        co_await timer.async_wait(boost::asio::redirect_error(use_task, woken));
    }
    co_return Result<void>{};
}

Async<Result<Rows>> Pool::perform(std::shared_ptr<Job> job) {
    Enqueue enqueue{this};
    const auto waking = waking_;
    auto outcome =
        co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>&,
                                             void(Result<Rows>)>(std::move(enqueue), use_task,
                                                                 std::move(job));
    // This may run before the pool's thread has left the loop that it has just woken.
    const std::lock_guard out{*waking};
    co_return outcome;
}

/// What holds on to the caller's loop is gone before the call counts as answered.
void Pool::answer(Job& job, Result<Rows> outcome) {
    {
        const std::lock_guard hold{*waking_};
        const auto resume = std::move(job.resume);
        resume(std::move(outcome));
    }
    --unanswered_;
}

void Pool::push(std::shared_ptr<Job> job) {
    if (ending_) return answer(*job, store_error::unavailable("it is being closed"));
    if (jobs_.size() >= longest_queue)
        return answer(*job, store_error::unavailable("too many calls are waiting for it"));
    jobs_.push_back(std::move(job));
    waiting_ = jobs_.size();
    if (!idle_.empty()) {
        idle_.back()->wake.cancel();
        idle_.pop_back();
        return;
    }
    if (sweeping_) return;
    sweeping_ = true;
    boost::asio::co_spawn(loop_, sweep(), boost::asio::detached);
}

Async<void> Pool::pause(std::chrono::milliseconds time) {
    if (ending_) co_return;
    Timer timer{loop_.get_executor(), time};
    pauses_.push_back(&timer);
    boost::system::error_code woken;
    co_await timer.async_wait(boost::asio::redirect_error(use_task, woken));
    std::erase(pauses_, &timer);
}

/// While all links are busy, perhaps with a database that does not answer, nobody waits in the queue
/// longer than he wanted to.
Async<void> Pool::sweep() {
    while (!jobs_.empty() && !ending_) {
        co_await pause(look_for_overdue);
        const auto now = clock_.steady();
        std::erase_if(jobs_, [&](const std::shared_ptr<Job>& job) {
            if (!job->by.passed(now)) return false;
            answer(*job, store_error::unavailable("all its connections are busy"));
            return true;
        });
        waiting_ = jobs_.size();
    }
    sweeping_ = false;
}

Async<void> Pool::serve(Seat* seat) {
    for (;;) {
        if (ending_) break;
        if (jobs_.empty()) {
            idle_.push_back(seat);
            boost::system::error_code woken;
            co_await seat->wake.async_wait(boost::asio::redirect_error(use_task, woken));
            continue;
        }
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        waiting_ = jobs_.size();
        auto outcome = co_await carry_out(seat, job);
        answer(*job, std::move(outcome));
    }
    seat->link.reset();
    if (--seated_ == 0) leaving_->cancel();
}

Async<Result<Rows>> Pool::carry_out(Seat* seat, std::shared_ptr<Job> job) {
    if (job->by.passed(clock_.steady())) co_return store_error::unavailable("the deadline passed");
    if (seat->link && !seat->link->alive()) seat->link.reset();
    const bool kept = seat->link != nullptr;
    auto ready = co_await take_link(seat, job->by);
    if (!ready) co_return ready.error();
    if (job->work) {
        auto ended = co_await job->work(*seat->link);
        seat->link.reset();
        if (!ended) co_return ended.error();
        co_return Rows{};
    }
    auto outcome = co_await run_on(seat, job);
    if (kept && may_run_again(*job->query, outcome)) {
        ready = co_await take_link(seat, job->by);
        if (!ready) co_return ready.error();
        outcome = co_await run_on(seat, job);
    }
    co_return judge(*job->query, std::move(outcome));
}

Task<void> Pool::take_link(Seat* seat, Deadline by) {
    if (!seat->link) {
        auto dialled = co_await dialler_.dial(by);
        if (!dialled) co_return dialled.error();
        seat->link = std::move(*dialled);
        seat->host = dialler_.good();
    }
    co_return Result<void>{};
}

Async<Outcome> Pool::run_on(Seat* seat, std::shared_ptr<Job> job) {
    auto outcome = co_await seat->link->run(*job->query, job->by);
    if (broken(outcome)) {
        if (outcome.timed_out) dialler_.doubt(seat->host);
        seat->link.reset();
        drop_idle_links();
    }
    co_return outcome;
}

/// What broke one link will have broken the others, and each would cost its next caller an unknown
/// outcome.
void Pool::drop_idle_links() {
    for (auto* seat : idle_) seat->link.reset();
}

Result<Rows> Pool::judge(const Query& query, Outcome outcome) {
    if (outcome.kind == Outcome::Kind::done) return std::move(outcome.rows);
    if (outcome.kind == Outcome::Kind::refused &&
        query.tolerated.find(outcome.sqlstate) != std::string_view::npos)
        return Rows::refusal();
    Error error = error_of(outcome, query.writes);
    log_.write(error.fault == Fault::internal ? Level::error : Level::warning, "store_failed",
               {{"code", error.code},
                {"sqlstate", outcome.sqlstate},
                {"timed_out", outcome.timed_out ? "yes" : "no"},
                {"what", outcome.what}});
    return error;
}

}  // namespace latchkey::postgres
