#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/async.h"

namespace latchkey {

/// One thread that does what it is given, in order, so that no loop waits for a disk. Callers on any
/// loop are resumed on their own. What was handed over is done, whether its caller still waits or
/// not.
class WorkThread {
public:
    /// More callers than this waiting at once are turned away.
    static constexpr std::size_t longest_queue = 10'000;

    enum class Ends {
        alone,     ///< done when it has run
        together,  ///< done after the next `finish`, with all others that ran before it
    };

    /// `finish` is run, in the thread, after jobs that end together: when no more of them wait, when
    /// `most_together` have run, and before any other job.
    explicit WorkThread(std::function<void()> finish = {}, std::size_t most_together = 1);
    /// Does what is queued, then ends the thread. Every loop that has called must still be there.
    ~WorkThread();
    WorkThread(const WorkThread&) = delete;
    WorkThread& operator=(const WorkThread&) = delete;

    /// Returns when the job is done. False: the queue was full, it will not be. The thread does not
    /// touch the caller's loop any more then, so the loop may go.
    Async<bool> perform(std::function<void()> job, Ends ends = Ends::alone);

private:
    struct Job {
        std::function<void()> run;
        Ends ends = Ends::alone;
        std::function<void()> resume;
    };
    struct Enqueue;

    bool push(Job job);
    void give_back(const std::function<void()>& resume);
    std::optional<Job> next(bool wait);
    void work_off();

    std::function<void()> finish_;
    std::size_t most_together_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> jobs_;
    bool ending_ = false;
    /// Held while a caller's loop is woken; callers, who may outlive this object, hold it too.
    std::shared_ptr<std::mutex> waking_ = std::make_shared<std::mutex>();
    std::thread thread_;
};

}  // namespace latchkey
