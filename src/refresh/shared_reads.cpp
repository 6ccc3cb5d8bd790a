#include "refresh/shared_reads.h"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "store/errors.h"

namespace latchkey {

/// A connection's being read. However it ends, somebody is free to read next.
class SharedReads::Turn {
public:
    Turn(SharedReads& reads, const ConnectionId& who) : reads_(reads), who_(who) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        if (passed_on_) return;
        const auto found = reads_.turns_.find(who_);
        const auto waiting = std::move(found->second);
        reads_.turns_.erase(found);
        if (waiting) waiting->done->set();
        if (reads_.turns_.empty() && reads_.on_idle) reads_.on_idle();
    }
    bool others_wait() const { return reads_.turns_.at(who_) != nullptr; }
    std::shared_ptr<Shared> take() { return std::exchange(reads_.turns_.at(who_), nullptr); }
    void pass_on() { passed_on_ = true; }

private:
    SharedReads& reads_;
    ConnectionId who_;
    bool passed_on_ = false;
};

SharedReads::SharedReads(boost::asio::io_context& loop, Clock& clock,
                         std::chrono::milliseconds most, Read read)
    : loop_(loop), clock_(clock), most_(most), read_(std::move(read)) {}

Task<Grant> SharedReads::get(std::shared_ptr<void> owner, ConnectionId who, Deadline by) {
    while (true) {
        const auto [place, first] = turns_.try_emplace(who);
        if (first) {
            Turn turn{*this, who};
            auto grant = co_await read_(who, by);
            if (turn.others_wait()) {
                turn.pass_on();
                // What it throws leaves those who wait to read for themselves.
                boost::asio::co_spawn(loop_, read_for_others(owner, who),
                                      [](const std::exception_ptr&) {});
            }
            co_return grant;
        }
        if (!place->second) {
            place->second = std::make_shared<Shared>();
            place->second->done = std::make_shared<Event>(loop_);
        }
        const auto shared = place->second;
        const bool over = co_await wait_for(shared->done, clock_, by.at);
        if (!over) co_return store_error::unavailable("reading took too long");
        if (shared->found) co_return *shared->found;
    }
}

Async<void> SharedReads::read_for_others([[maybe_unused]] std::shared_ptr<void> owner,
                                         ConnectionId who) {
    Turn turn{*this, who};
    while (turn.others_wait()) {
        struct Told {
            std::shared_ptr<Shared> shared;
            ~Told() { shared->done->set(); }
        };
        const Told told{turn.take()};
        auto grant = co_await read_(who, clock_.in(most_));
        told.shared->found.emplace(std::move(grant));
    }
}

}  // namespace latchkey
