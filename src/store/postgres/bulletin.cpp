#include "store/postgres/bulletin.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/text.h"
#include "store/postgres/ports.h"

namespace latchkey::postgres {

using namespace std::chrono_literals;

namespace {

using Timer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

constexpr std::size_t most_changes_kept = 1000;
constexpr std::size_t most_untold = 10'000;
constexpr std::size_t longest_payload = 7'000;  // PostgreSQL's own limit is 8,000 bytes
constexpr auto gather = 10ms;
constexpr auto time_to_tell = 2s;
constexpr auto look_at_the_line = 15s;  // a frozen server keeps its connections open
constexpr auto before_listening_again = 1s;

}  // namespace

/// One who waits: a timer that is never due. It is cancelled on its own loop, which exists while it
/// is registered.
struct Bulletin::Waiter {
    explicit Waiter(Executor on) : timer(std::make_shared<Timer>(on, Timer::time_point::max())) {}
    std::shared_ptr<Timer> timer;
};

/// Registered on every way in, gone on every way out, also when the loop is destroyed.
class Bulletin::Waiting {
public:
    Waiting(Bulletin& bulletin, Waiter& waiter) : bulletin_(bulletin), waiter_(waiter) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() {
        std::lock_guard hold{bulletin_.mutex_};
        std::erase(bulletin_.waiters_, &waiter_);
    }

private:
    Bulletin& bulletin_;
    Waiter& waiter_;
};

Bulletin::Bulletin(Pool& pool, Random& random) : pool_(pool), origin_(random_hex128(random)) {}

void Bulletin::changed(const ConnectionId& connection) {
    std::lock_guard hold{mutex_};
    if (untold_.size() < most_untold) untold_.insert(connection);
    if (telling_) return;
    telling_ = true;
    boost::asio::post(pool_.loop(), [this] {
        boost::asio::co_spawn(pool_.loop(), tell(), boost::asio::detached);
    });
}

Async<void> Bulletin::tell() {
    for (;;) {
        co_await pool_.pause(gather);
        std::string payload = origin_;
        {
            std::lock_guard hold{mutex_};
            while (!untold_.empty() && payload.size() < longest_payload) {
                payload += "," + base64url(untold_.begin()->text);
                untold_.erase(untold_.begin());
            }
            if (payload == origin_ || pool_.ending()) {
                telling_ = false;
                co_return;
            }
        }
        auto notify = reading(
            "SELECT pg_catalog.set_config('synchronous_commit', 'off', true),"
            " pg_catalog.pg_notify('latchkey', $1)");
        notify.given.word(payload);
        co_await pool_.ask(std::move(notify), pool_.clock().in(time_to_tell));
    }
}

Task<ChangeBatch> Bulletin::next(std::int64_t mark, Deadline by) {
    const Executor on = co_await boost::asio::this_coro::executor;
    Waiter waiter{on};
    Waiting waiting{*this, waiter};
    {
        std::lock_guard hold{mutex_};
        if (!listening_) {
            listening_ = true;
            boost::asio::post(pool_.loop(), [this] {
                boost::asio::co_spawn(pool_.loop(), listen(), boost::asio::detached);
            });
        }
        if (mark == 0) mark = last_;
        if (mark < last_) co_return since(mark);
        waiters_.push_back(&waiter);
    }
    Watch watch{pool_.clock(), on};
    watch.at(by.at, [timer = waiter.timer] { timer->cancel(); });
    if (!watch.fired()) {
        boost::system::error_code woken;
        co_await waiter.timer->async_wait(boost::asio::redirect_error(use_task, woken));
    }
    std::lock_guard hold{mutex_};
    co_return since(mark);
}

ChangeBatch Bulletin::since(std::int64_t mark) const {
    ChangeBatch batch;
    batch.mark = last_;
    const auto behind = static_cast<std::size_t>(last_ - mark);
    batch.anything = mark < anything_ || behind > news_.size();
    if (batch.anything) return batch;
    batch.connections.assign(news_.end() - static_cast<std::ptrdiff_t>(behind), news_.end());
    std::sort(batch.connections.begin(), batch.connections.end());
    batch.connections.erase(std::unique(batch.connections.begin(), batch.connections.end()),
                            batch.connections.end());
    return batch;
}

void Bulletin::note(std::vector<ConnectionId> connections, bool anything) {
    std::lock_guard hold{mutex_};
    if (anything) connections.emplace_back();
    for (auto& connection : connections) {
        news_.push_back(std::move(connection));
        ++last_;
        if (news_.size() > most_changes_kept) news_.pop_front();
    }
    if (anything) anything_ = last_;
    wake_all();
}

void Bulletin::wake() {
    std::lock_guard hold{mutex_};
    wake_all();
}

/// With the mutex held, so that a waiter who goes on finds this thread out of its loop.
void Bulletin::wake_all() {
    for (auto* waiter : waiters_)
        boost::asio::post(waiter->timer->get_executor(), [timer = std::weak_ptr{waiter->timer}] {
            if (const auto there = timer.lock()) there->cancel();
        });
    waiters_.clear();
}

void Bulletin::heard(const std::string& payload) {
    std::vector<ConnectionId> connections;
    std::string_view rest = payload;
    const auto origin = rest.substr(0, rest.find(','));
    if (origin == origin_) return;
    while (rest.find(',') != std::string_view::npos) {
        rest.remove_prefix(rest.find(',') + 1);
        auto id = from_base64url(rest.substr(0, rest.find(',')));
        if (id) connections.emplace_back(std::move(*id));
    }
    if (!connections.empty()) note(std::move(connections), false);
}

/// Whenever the line has been away, anything may have changed.
Async<void> Bulletin::listen() {
    pool_.at_end([this] {
        if (line_) line_->interrupt();
    });
    while (!pool_.ending()) {
        auto link = co_await pool_.dial(pool_.clock().in(10s));
        if (link) {
            line_ = link->get();
            auto begun = co_await line_->run_script("LISTEN latchkey", pool_.clock().in(2s));
            if (begun.kind == Outcome::Kind::done) {
                note({}, true);
                co_await hear(*line_);
            }
            line_ = nullptr;
        }
        if (pool_.ending()) break;
        co_await pool_.pause(before_listening_again);
    }
}

Async<void> Bulletin::hear(Link& link) {
    while (!link.closed() && !pool_.ending()) {
        auto notes = co_await link.notes(pool_.clock().in(look_at_the_line));
        for (const auto& said : notes) heard(said.payload);
        if (link.closed() || !notes.empty()) continue;
        auto question = reading("SELECT 1");
        co_await link.run(std::move(question), pool_.clock().in(2s));
    }
}

namespace {

class ChangedRows final : public Changes {
public:
    explicit ChangedRows(Bench& bench) : bulletin_(bench.bulletin) {}
    Task<ChangeBatch> next(std::int64_t mark, Deadline by) override {
        return bulletin_.next(mark, by);
    }

private:
    Bulletin& bulletin_;
};

}  // namespace

std::unique_ptr<Changes> make_changes(Bench& bench) {
    return std::make_unique<ChangedRows>(bench);
}

}  // namespace latchkey::postgres
