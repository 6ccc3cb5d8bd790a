#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include <latchkey/bulk_jobs.h>

namespace latchkey::rest {

/// Jobs as they were seen last. Written on the loop, read by any thread, also while it waits.
class JobBoard {
public:
    std::size_t add(BulkJob job) {
        const std::lock_guard hold{guard_};
        jobs_.push_back(std::move(job));
        return jobs_.size() - 1;
    }
    void set(std::size_t number, BulkJob job) {
        const std::lock_guard hold{guard_};
        jobs_.at(number) = std::move(job);
    }
    std::vector<BulkJob> all() const {
        const std::lock_guard hold{guard_};
        return jobs_;
    }

private:
    mutable std::mutex guard_;
    std::vector<BulkJob> jobs_;
};

}  // namespace latchkey::rest
