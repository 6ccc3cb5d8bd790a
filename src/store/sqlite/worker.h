#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/async.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/errors.h"
#include "store/sqlite/database.h"
#include "store/work_thread.h"

namespace latchkey::sqlite {

/// The one thread that owns the database connection. Callers on any loop hand it functions and are
/// resumed on their own loop. A function handed over runs, whether its caller still waits or not.
class Worker {
public:
    /// More callers than this waiting at once are turned away.
    static constexpr std::size_t longest_queue = WorkThread::longest_queue;

    /// Clock and log must outlive this object.
    Worker(std::unique_ptr<Database> database, Clock& clock, Log& log);
    /// Runs `work` outside a transaction: for reading.
    template <class T>
    Task<T> read(std::function<Result<T>(Database&)> work, Deadline by) {
        auto outcome = std::make_shared<std::optional<Result<T>>>();
        std::function<void()> job = [this, outcome, work = std::move(work), by] {
            outcome->emplace(attempt<T>(work, by));
        };
        const bool ran = co_await thread_.perform(std::move(job));
        if (!ran) co_return store_error::unavailable("too many calls are waiting for it");
        co_return std::move(**outcome);
    }

    /// Runs `work` in a transaction that is durable before this returns.
    template <class T>
    Task<T> write(std::function<Result<T>(Database&)> work, Deadline by) {
        std::function<Result<T>(Database&)> whole = [work = std::move(work)](Database& database) {
            return database.transaction([&] { return work(database); });
        };
        return read<T>(std::move(whole), by);
    }

private:
    template <class T>
    Result<T> attempt(const std::function<Result<T>(Database&)>& work, Deadline by) {
        if (by.passed(clock_.steady())) return store_error::unavailable("the deadline passed");
        try {
            return work(*database_);
        } catch (const Failure& failure) {
            return reported(failure);
        } catch (const std::exception& problem) {
            return Error{Fault::internal, "storage_failed", problem.what()};
        }
    }

    Error reported(const Failure& failure);

    std::unique_ptr<Database> database_;
    Clock& clock_;
    Log& log_;
    WorkThread thread_;  // the last: it ends first
};

}  // namespace latchkey::sqlite
