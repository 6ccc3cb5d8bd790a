#include <optional>
#include <utility>

#include <latchkey/bulk.h>

#include "facade/rest_impl.h"
#include "facade/stoppable_wait.h"
#include "rest/bulk_load.h"
#include "salesforce/job_data.h"

// Loading records: what is gathered on the caller's side, and the jobs on the loop.
namespace latchkey {

struct BulkLoad::Impl {
    std::shared_ptr<ApiHost> host;
    std::shared_ptr<rest::BulkLoadJobs> sent;
    BulkLoadOptions options;
    salesforce::JobData data;
    std::optional<Error> broken;  ///< the load takes no more

    Impl(std::shared_ptr<ApiHost> h, std::shared_ptr<rest::BulkLoadJobs> s,
         std::vector<std::string> columns, BulkLoadOptions o)
        : host(std::move(h)),
          sent(std::move(s)),
          options(std::move(o)),
          data(std::move(columns), options.job_bytes) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        boost::asio::post(host->loop(), [there = std::move(sent)] { there->interrupt(); });
    }

    Deadline patience() const { return Deadline::in(options.patience); }

    Result<void> ready() const {
        if (broken) return *broken;
        return data.check();
    }
    /// Bad CSV stays bad: what follows in it cannot be told apart any more.
    Result<void> read(Result<void> done) {
        if (!done) broken = done.error();
        return done;
    }

    Task<BulkJob> job_on_loop(Deadline by) {
        return rest::BulkLoadJobs::send(sent, data.job(), by);
    }
    Result<bool> keep(Result<BulkJob> job) {
        if (job) {
            data.begin_next_job();
            return true;
        }
        const auto& why = job.error();
        if (why.code == gave_up().code || why.code == cancelled().code) {
            broken = Error{Fault::outcome_unknown, "bulk_start_unknown",
                           "The wait for a bulk job to be sent was given up, and it goes on. Look "
                           "at Bulk Data Load Jobs in Setup before the records are sent again."};
        } else if (why.fault == Fault::outcome_unknown) {
            broken = why;
        }
        return broken ? *broken : why;
    }
    Result<bool> send(Deadline by) {
        return keep(wait_or_stop(host, job_on_loop(by), by, options.stop, [] {}));
    }
    Task<bool> async_send(Deadline by) {
        auto work = on_loop(host, job_on_loop(by), by);
        auto job = co_await std::move(work);
        co_return keep(std::move(job));
    }

    /// Everything that was fed goes into jobs, and full ones go off.
    Result<bool> drain(Deadline by) {
        for (;;) {
            auto moved = data.move_on();
            if (!moved || *moved) return moved;
            if (auto gone = send(by); !gone) return gone;
        }
    }
    Task<bool> async_drain(Deadline by) {
        for (;;) {
            auto moved = data.move_on();
            if (!moved || *moved) co_return moved;
            auto gone = co_await async_send(by);
            if (!gone) co_return gone;
        }
    }

    Result<std::vector<BulkJob>> ended(Result<bool> all) const {
        if (!all) return all.error();
        auto jobs = sent->jobs();
        for (const auto& job : jobs) {
            if (job.ended()) continue;
            return Error{
                Fault::try_later, "bulk_job_running",
                "The bulk job " + job.id + " has not ended yet. Ask again to go on waiting."};
        }
        for (const auto& job : jobs) {
            if (job.state != BulkState::complete) return salesforce::job_problem(job);
        }
        return jobs;
    }
};

BulkLoad::BulkLoad(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BulkLoad::BulkLoad(BulkLoad&&) noexcept = default;
BulkLoad& BulkLoad::operator=(BulkLoad&&) noexcept = default;
BulkLoad::~BulkLoad() = default;

Task<bool> BulkLoad::async_add(std::vector<std::string> record, Deadline by) {
    if (auto fits = impl_->ready(); !fits) co_return fits.error();
    auto taken = impl_->data.add(record);
    if (!taken || *taken) co_return taken;
    auto gone = co_await impl_->async_send(by);
    if (!gone) co_return gone;
    co_return impl_->data.add(record);
}

Result<bool> BulkLoad::add(const std::vector<std::string>& record) {
    if (auto fits = impl_->ready(); !fits) return fits.error();
    auto taken = impl_->data.add(record);
    if (!taken || *taken) return taken;
    if (auto gone = impl_->send(impl_->patience()); !gone) return gone;
    return impl_->data.add(record);
}

Task<bool> BulkLoad::async_add_csv(std::string piece, Deadline by) {
    if (auto fits = impl_->ready(); !fits) co_return fits.error();
    auto before = co_await impl_->async_drain(by);
    if (!before) co_return before;
    if (auto fed = impl_->read(impl_->data.feed(piece)); !fed) co_return fed.error();
    auto moved = co_await impl_->async_drain(by);
    co_return moved;
}

Result<bool> BulkLoad::add_csv(std::string_view piece) {
    if (auto fits = impl_->ready(); !fits) return fits.error();
    const auto by = impl_->patience();
    if (auto before = impl_->drain(by); !before) return before;
    if (auto fed = impl_->read(impl_->data.feed(piece)); !fed) return fed.error();
    return impl_->drain(by);
}

Task<std::vector<BulkJob>> BulkLoad::async_finish(Deadline by) {
    if (auto fits = impl_->ready(); !fits) co_return fits.error();
    auto before = co_await impl_->async_drain(by);
    if (!before) co_return before.error();
    if (auto done = impl_->read(impl_->data.finish()); !done) co_return done.error();
    auto moved = co_await impl_->async_drain(by);
    if (!moved) co_return moved.error();
    if (impl_->data.has_records()) {
        auto gone = co_await impl_->async_send(by);
        if (!gone) co_return gone.error();
    }
    auto work = on_loop(impl_->host, rest::BulkLoadJobs::wait(impl_->sent, by), by);
    auto seen = co_await std::move(work);
    co_return impl_->ended(std::move(seen));
}

Result<std::vector<BulkJob>> BulkLoad::finish() {
    return finish(impl_->patience());
}

Result<std::vector<BulkJob>> BulkLoad::finish(Deadline by) {
    if (auto fits = impl_->ready(); !fits) return fits.error();
    if (auto before = impl_->drain(by); !before) return before.error();
    if (auto done = impl_->read(impl_->data.finish()); !done) return done.error();
    if (auto moved = impl_->drain(by); !moved) return moved.error();
    if (impl_->data.has_records()) {
        if (auto gone = impl_->send(by); !gone) return gone.error();
    }
    return impl_->ended(wait_or_stop(impl_->host, rest::BulkLoadJobs::wait(impl_->sent, by), by,
                                     impl_->options.stop,
                                     [there = impl_->sent] { there->interrupt(); }));
}

std::vector<BulkJob> BulkLoad::jobs() const {
    return impl_->sent->jobs();
}

std::int64_t BulkLoad::added() const {
    return impl_->data.added();
}

BulkLoad Bulk::load(std::string object, BulkOperation operation, std::vector<std::string> columns,
                    BulkLoadOptions options) const {
    auto jobs = std::make_shared<rest::BulkLoadJobs>(impl_->place, std::move(object), operation,
                                                     options.external_id);
    return BulkLoad{std::make_unique<BulkLoad::Impl>(impl_->host, std::move(jobs),
                                                     std::move(columns), std::move(options))};
}

}  // namespace latchkey
