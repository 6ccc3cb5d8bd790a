#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <latchkey/time.h>

namespace latchkey::simulation {

using std::chrono::milliseconds;

/// Virtual time of one run, and everything that is to happen in it. What is due at the same moment
/// happens in the order in which it was put down, so the same seed gives the same run.
class Agenda {
public:
    using Act = std::function<void()>;

    SteadyTime now() const { return now_; }
    /// Since the run began.
    milliseconds age() const { return std::chrono::duration_cast<milliseconds>(now_ - start_); }

    void at(SteadyTime when, Act act) {
        entries_.push_back(Entry{std::max(when, now_), next_++, std::move(act)});
        std::push_heap(entries_.begin(), entries_.end());
    }
    void in(milliseconds wait, Act act) { at(now_ + wait, std::move(act)); }

    /// Does what is next. False if there is nothing left.
    bool step() {
        if (entries_.empty()) return false;
        std::pop_heap(entries_.begin(), entries_.end());
        Entry entry = std::move(entries_.back());
        entries_.pop_back();
        now_ = entry.when;
        entry.act();
        return true;
    }

private:
    struct Entry {
        SteadyTime when;
        std::uint64_t number;
        Act act;
        bool operator<(const Entry& other) const {
            return when != other.when ? when > other.when : number > other.number;
        }
    };

    SteadyTime start_{std::chrono::hours{1000}};
    SteadyTime now_ = start_;
    std::uint64_t next_ = 0;
    std::vector<Entry> entries_;
};

}  // namespace latchkey::simulation
