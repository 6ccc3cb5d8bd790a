#include "refresh/gate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace latchkey {
namespace {

using Seconds = std::chrono::duration<double>;

/// Rounding must not make a waiter look once more for nothing, nor the pump turn without pause.
constexpr std::chrono::milliseconds shortest_pause{1};
constexpr double at_once_s = 0.25;

}  // namespace

Paces Paces::of(double per_second) {
    return {Pace{per_second, per_second / 10}, Pace{per_second / 2, per_second / 50}};
}

void Gate::Bucket::fill(SteadyTime now, double share) {
    const auto passed = std::chrono::duration_cast<Seconds>(now - filled).count();
    filled = now;
    tokens = std::min(most(share), tokens + std::max(0.0, passed) * per_second * share);
}

double Gate::Bucket::most(double share) const {
    return std::max(1.0, per_second * share * at_once_s);
}

SteadyTime Gate::Bucket::next(SteadyTime now, double share) const {
    if (tokens >= 1) return now;
    const Seconds left{(1 - tokens) / (per_second * share)};
    return now + std::chrono::ceil<std::chrono::milliseconds>(left);
}

Gate::Gate(boost::asio::io_context& loop, Clock& clock, std::shared_ptr<Event> stopping, Pace pace)
    : loop_(loop), clock_(clock), stopping_(std::move(stopping)) {
    const auto now = clock_.steady();
    all_ = Bucket{pace.all, 0, now};
    all_.tokens = all_.most(1);
    planned_bucket_ = Bucket{pace.planned, 0, now};
    planned_bucket_.tokens = planned_bucket_.most(1);
}

Async<void> Gate::pass(bool planned) {
    if (shut_ || stopping_->is_set()) co_return;
    const bool line_is_empty = urgent_.empty() && (!planned || planned_.empty());
    if (line_is_empty && take(planned, clock_.steady())) co_return;
    auto turn = std::make_shared<Event>(loop_);
    (planned ? planned_ : urgent_).push_back(turn);
    if (!pumping_) {
        pumping_ = true;
        boost::asio::co_spawn(loop_, pump(shared_from_this()), boost::asio::detached);
    }
    co_await turn->wait();
}

void Gate::shut() {
    shut_ = true;
    for (const auto& turn : std::exchange(urgent_, {})) turn->set();
    for (const auto& turn : std::exchange(planned_, {})) turn->set();
}

void Gate::reopen(SteadyTime now) {
    shut_ = false;
    reopened_ = now;
    // What was saved up before the outage is not spent after it.
    all_.tokens = std::min(all_.tokens, 1.0);
    planned_bucket_.tokens = std::min(planned_bucket_.tokens, 1.0);
    all_.filled = planned_bucket_.filled = now;
}

bool Gate::idle(SteadyTime now) {
    if (waiting() > 0 || shut_ || pumping_ || share(now) < 1) return false;
    all_.fill(now, 1);
    planned_bucket_.fill(now, 1);
    return all_.tokens >= all_.most(1) && planned_bucket_.tokens >= planned_bucket_.most(1);
}

double Gate::share(SteadyTime now) const {
    if (!reopened_) return 1;
    const auto steps = (now - *reopened_) / ramp_step;
    return std::min(1.0, ramp_begin * std::exp2(static_cast<double>(std::min<long>(steps, 30))));
}

bool Gate::take(bool planned, SteadyTime now) {
    const auto part = share(now);
    all_.fill(now, part);
    planned_bucket_.fill(now, part);
    if (all_.tokens < 1 || (planned && planned_bucket_.tokens < 1)) return false;
    all_.tokens -= 1;
    if (planned) planned_bucket_.tokens -= 1;
    return true;
}

void Gate::admit(SteadyTime now) {
    while (!urgent_.empty() && take(false, now)) {
        urgent_.front()->set();
        urgent_.pop_front();
    }
    while (urgent_.empty() && !planned_.empty() && take(true, now)) {
        planned_.front()->set();
        planned_.pop_front();
    }
}

Async<void> Gate::pump([[maybe_unused]] std::shared_ptr<Gate> self) {
    while (waiting() > 0 && !stopping_->is_set()) {
        const auto now = clock_.steady();
        admit(now);
        if (waiting() == 0) break;
        const auto part = share(now);
        auto next = all_.next(now, part);
        if (urgent_.empty()) next = std::max(next, planned_bucket_.next(now, part));
        // A pace that grows is looked at again with its next step.
        if (part < 1) next = std::min(next, now + ramp_step);
        co_await wait_for(stopping_, clock_, std::max(next, now + shortest_pause));
    }
    pumping_ = false;
    if (stopping_->is_set()) shut();
}

Gates::Gates(boost::asio::io_context& loop, Clock& clock, std::shared_ptr<Event> stopping)
    : loop_(loop), clock_(clock), stopping_(std::move(stopping)) {}

Async<void> Gates::pass(std::string provider, std::string org, Paces paces, bool planned) {
    auto of_org = gate(org, paces.org);
    co_await of_org->pass(planned);
    auto of_provider = gate(provider, paces.provider);
    co_await of_provider->pass(planned);
}

void Gates::shut(const std::string& key) {
    const auto found = gates_.find(key);
    if (found != gates_.end()) found->second->shut();
}

void Gates::reopen(const std::string& key) {
    const auto found = gates_.find(key);
    if (found != gates_.end()) found->second->reopen(clock_.steady());
}

std::size_t Gates::waiting() const {
    std::size_t all = 0;
    for (const auto& [key, gate] : gates_) all += gate->waiting();
    return all;
}

void Gates::prune() {
    const auto now = clock_.steady();
    std::erase_if(gates_, [&](const auto& entry) {
        return entry.second.use_count() == 1 && entry.second->idle(now);
    });
}

std::shared_ptr<Gate> Gates::gate(const std::string& key, Pace pace) {
    auto& place = gates_[key];
    if (!place) place = std::make_shared<Gate>(loop_, clock_, stopping_, pace);
    return place;
}

}  // namespace latchkey
