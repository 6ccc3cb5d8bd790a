#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace latchkey::cli {

/// Tells a person on standard error how far long work is, with its rate, and lets them end it with
/// Ctrl-C: the first asks it to stop, a second one ends the process.
///
/// One at a time in a process. Silent unless standard error is a terminal or `wished`. On a terminal
/// one line is written over and over; elsewhere a line is written every ten seconds.
class Progress {
public:
    /// unit  what is counted: "rows"
    Progress(bool wished, std::string unit);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    /// Ends the telling. Made after what `state` looks at, it goes before that.
    class Showing {
    public:
        explicit Showing(Progress& progress) : progress_(progress) {}
        Showing(const Showing&) = delete;
        Showing& operator=(const Showing&) = delete;
        ~Showing() { progress_.end(); }

    private:
        Progress& progress_;
    };
    /// Begins. `state` is asked from another thread, until the end: a word for what goes on, or none.
    [[nodiscard]] Showing show(std::function<std::string()> state);
    void count(std::int64_t done) { done_ = done; }
    /// Takes the line away, so that something else can be written.
    void pause();
    /// Takes the line away for good.
    void end();
    /// Stopped by Ctrl-C or SIGTERM.
    std::stop_token stop() const { return stop_.get_token(); }

private:
    void tell(const std::string& state);

    const bool terminal_;
    const bool shown_;
    const std::string unit_;
    const std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
    std::atomic<std::int64_t> done_ = 0;
    std::stop_source stop_;
    std::mutex line_;  ///< standard error, while the line is written or taken away
    bool written_ = false;
    std::jthread ticker_;
};

}  // namespace latchkey::cli
