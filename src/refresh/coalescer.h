#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <boost/asio/basic_waitable_timer.hpp>

#include <latchkey/ids.h>
#include <latchkey/token_set.h>

#include "base/async.h"
#include "base/clock.h"

namespace latchkey {

/// Something that happens once. For one loop.
class Event {
public:
    explicit Event(boost::asio::io_context& loop);
    void set();
    bool is_set() const { return set_; }
    Async<void> wait();

private:
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    Timer timer_;  ///< never due; cancelling it wakes everybody
    bool set_ = false;
};

/// Waits for the event or the moment, whichever is first; true if the event has happened.
Async<bool> wait_for(std::shared_ptr<Event> event, Clock& clock, SteadyTime until);

/// One attempt or resolution of one connection. It belongs to the process: whoever waits for it may
/// go away, and it goes on.
class Work {
public:
    explicit Work(boost::asio::io_context& loop) : answered_(std::make_shared<Event>(loop)) {}

    /// What those who wait get. Only the first answer counts. It may come before the work is over:
    /// the journal has the tokens, the row will follow.
    void answer(Result<AccessToken> with);
    /// The work changed something; look again instead of taking an answer.
    void look_again() { answered_->set(); }

    const std::optional<Result<AccessToken>>& given() const { return given_; }
    /// The row was seen with a newer token than the answer's, which nobody is to get any more.
    void outdate() { outdated_ = true; }
    /// The token that the journal vouches for while the row has not got it.
    const AccessToken* vouched() const {
        return given_ && given_->has_value() && !outdated_ ? &**given_ : nullptr;
    }
    bool outdated() const { return outdated_; }
    std::shared_ptr<Event> answered() const { return answered_; }

private:
    std::optional<Result<AccessToken>> given_;
    bool outdated_ = false;
    std::shared_ptr<Event> answered_;
};

/// At most one Work a connection. Bounded: beyond `most_works` nothing new begins.
class Coalescer {
public:
    static constexpr std::size_t most_works = 200000;

    explicit Coalescer(boost::asio::io_context& loop) : loop_(loop) {}
    /// nullptr if nothing is under way.
    std::shared_ptr<Work> find(const ConnectionId& who) const;
    /// nullptr if something is under way already, or too much altogether.
    std::shared_ptr<Work> begin(const ConnectionId& who);
    /// The work is over: wakes whoever still waits.
    void end(const ConnectionId& who);
    std::size_t size() const { return works_.size(); }

private:
    boost::asio::io_context& loop_;
    std::unordered_map<ConnectionId, std::shared_ptr<Work>> works_;
};

/// How many attempts may hold a connection to Salesforce at once; the others wait in line.
class Slots {
public:
    Slots(boost::asio::io_context& loop, std::size_t free)
        : loop_(loop), most_(free), free_(free) {}
    Async<void> take();
    void give_back();
    bool unused() const { return free_ == most_; }

private:
    boost::asio::io_context& loop_;
    std::size_t most_;
    std::size_t free_;
    std::deque<std::shared_ptr<Event>> line_;
};

/// As many slots for each key: one org that answers slowly leaves the others theirs.
class Shares {
public:
    Shares(boost::asio::io_context& loop, std::size_t each) : loop_(loop), each_(each) {}
    Async<void> take(std::string key);
    void give_back(const std::string& key);
    std::size_t keys() const { return shares_.size(); }

private:
    boost::asio::io_context& loop_;
    std::size_t each_;
    std::unordered_map<std::string, Slots> shares_;
};

}  // namespace latchkey
