#include "refresh/coalescer.h"

#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>

namespace latchkey {

Event::Event(boost::asio::io_context& loop)
    : timer_(loop.get_executor(), std::chrono::steady_clock::time_point::max()) {}

void Event::set() {
    set_ = true;
    timer_.cancel();
}

Async<void> Event::wait() {
    if (set_) co_return;
    boost::system::error_code woken;
    co_await timer_.async_wait(boost::asio::redirect_error(use_task, woken));
}

Async<bool> wait_for(std::shared_ptr<Event> event, Clock& clock, SteadyTime until) {
    using namespace boost::asio::experimental::awaitable_operators;
    if (event->is_set()) co_return true;
    auto happened = event->wait();
    auto passed = clock.sleep_until(until);
    auto either = std::move(happened) || std::move(passed);
    co_await std::move(either);
    co_return event->is_set();
}

void Work::answer(Result<AccessToken> with) {
    if (!given_) given_.emplace(std::move(with));
    answered_->set();
}

std::shared_ptr<Work> Coalescer::find(const ConnectionId& who) const {
    const auto found = works_.find(who);
    return found == works_.end() ? nullptr : found->second;
}

std::shared_ptr<Work> Coalescer::begin(const ConnectionId& who) {
    if (works_.size() >= most_works || works_.contains(who)) return nullptr;
    auto work = std::make_shared<Work>(loop_);
    works_.emplace(who, work);
    return work;
}

void Coalescer::end(const ConnectionId& who) {
    const auto found = works_.find(who);
    if (found == works_.end()) return;
    const auto work = found->second;
    works_.erase(found);
    work->look_again();
}

Async<void> Slots::take() {
    if (free_ > 0) {
        --free_;
        co_return;
    }
    auto turn = std::make_shared<Event>(loop_);
    line_.push_back(turn);
    co_await turn->wait();
}

void Slots::give_back() {
    if (line_.empty()) {
        ++free_;
        return;
    }
    line_.front()->set();
    line_.pop_front();
}

Async<void> Shares::take(std::string key) {
    auto& share = shares_.try_emplace(std::move(key), loop_, each_).first->second;
    co_await share.take();
}

void Shares::give_back(const std::string& key) {
    const auto found = shares_.find(key);
    if (found == shares_.end()) return;
    found->second.give_back();
    if (found->second.unused()) shares_.erase(found);
}

}  // namespace latchkey
