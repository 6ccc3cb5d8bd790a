#include "net/relay_exchange.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <memory>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "base/text.h"
#include "net/coarse_time.h"

// The course of one relayed call, its time limits, and what is answered when it fails. The request's way
// to the server is in relay_upward.cpp, the answer's way back in relay_downward.cpp.
namespace latchkey {

namespace {

BodyMeter meter_of(const RequestHead& head) {
    return head.chunked ? BodyMeter::of_chunks() : BodyMeter::of_length(head.length);
}

Reply plain_refusal(int status, std::string_view code, std::string_view why) {
    Reply reply{status, {{"Content-Type", "application/json"}}, error_body(code, why)};
    reply.headers.add("Cache-Control", "no-store");
    reply.headers.add("X-Content-Type-Options", "nosniff");
    reply.headers.add("Latchkey-Answer", "gateway");
    reply.close = true;
    return reply;
}

using boost::system::error_code;

/// Whoever asks the connection about time is sent on for as long as this stands.
class LentTime {
public:
    LentTime(ServerConnection& to, Timed& guest) : to_(to) { to_.lend_time_to(&guest); }
    ~LentTime() { to_.lend_time_to(nullptr); }
    LentTime(const LentTime&) = delete;
    LentTime& operator=(const LentTime&) = delete;

private:
    ServerConnection& to_;
};

}  // namespace

RelayExchange::RelayExchange(Relay& relay, ServerConnection& caller, const bool& stopping,
                             Executor on)
    : relay_(relay),
      policy_(*relay.policy),
      caller_(caller),
      stopping_(stopping),
      on_(on),
      request_meter_(meter_of(caller.head())) {
    // Most heads fit, and grow no more.
    constexpr std::size_t usual_bytes = 1000;
    constexpr std::size_t usual_lines = 20;
    out_.reserve(usual_bytes);
    answer_.lines.reserve(usual_lines);
}

// ---------------------------------------------------------------------------------------------
// Time

RelayExchange::SteadyClock::time_point RelayExchange::patience(const Pace& pace) const {
    // Two bounds: a silence, and a trickle that would hold its place for ever.
    const auto rate = static_cast<std::int64_t>(relay_.limits.least_rate);
    const auto earned = std::chrono::seconds{static_cast<std::int64_t>(pace.moved) / rate};
    const auto stall = relay_.limits.stall;
    return std::min(coarse_now() + stall, pace.began + stall + earned);
}

void RelayExchange::look_at_time(SteadyClock::time_point now) {
    if (now >= caller_sends_by_ || now >= caller_takes_by_) {
        caller_sends_by_ = never;
        caller_takes_by_ = never;
        callers_ = Callers::too_slow;
        caller_.socket().interrupt();
    }
    if (now >= upstream_by_ || now >= upstream_takes_by_) {
        upstream_by_ = never;
        upstream_takes_by_ = never;
        upstream_late_ = true;
        if (upstream_) upstream_->reset();
    }
    if (reads_upstream_ && !uploading_ && upstream_ && caller_.socket().hung_up()) {
        callers_ = Callers::gone;
        upstream_->reset();
    }
}

// ---------------------------------------------------------------------------------------------
// The course of it

/// One coroutine for the whole course, because most calls wait but once in it. What is rare, and would
/// make its frame larger than those which Asio keeps for the next call, is in coroutines of its own.
Async<bool> RelayExchange::serve(Relay& relay, ServerConnection& caller, const bool& stopping) {
    const Executor on = co_await boost::asio::this_coro::executor;
    const std::unique_ptr<RelayExchange> call{new RelayExchange{relay, caller, stopping, on}};
    const LentTime time{caller, *call};

    std::exception_ptr thrown;
    try {
        bool passes = call->obey(call->policy_.look(call->head()));
        if (!passes && !call->refusal_) passes = co_await call->decide();
        if (!passes) co_return co_await call->refuse_unread();
        if (!call->hold_what_came()) co_await call->hold_rest();
        if (call->callers_ != Callers::fine) co_return co_await call->fail();
        if (call->pass_.shows_body && !call->looked_inside()) co_return co_await call->refuse();
        for (;;) {
            bool sent = call->send_on_idle();
            if (!sent) sent = co_await call->send();
            if (!sent) co_return co_await call->fail();
            auto answered = call->expect_answer();
            while (!answered) {
                error_code failed;
                auto got = call->more_now(failed);
                while (!got) {
                    const bool told = co_await call->upstream_->until_some();
                    got = call->more_after(told, failed);
                }
                answered = call->came(*got, failed) ? call->look_for_head() : call->head_is_lost();
            }
            if (!*answered) co_return co_await call->fail();
            if (!call->policy_.may_refuse_lines(call->answer_.status)) break;
            const bool refused = co_await call->refuses_lines();
            if (!refused) break;
            const bool renewed = co_await call->renew();
            if (call->refusal_) co_return co_await call->refuse();
            if (!renewed) break;
        }
        if (!call->begin_answer()) co_return co_await call->fail();
        if (call->answer_goes_on()) co_await call->pass_rest_down();
        co_return call->end_answer();
    } catch (...) {
        thrown = std::current_exception();
    }
    // What passes the request's body up works on this exchange.
    co_await call->end_upload();
    std::rethrow_exception(thrown);
}

/// What the policy says. True: the request passes. False: `refusal_` is the answer, or there is none
/// yet.
bool RelayExchange::obey(RelayVerdict verdict) {
    if (auto* reply = std::get_if<Reply>(&verdict)) refusal_ = std::move(*reply);
    auto* pass = std::get_if<RelayPass>(&verdict);
    if (pass == nullptr) return false;
    pass_ = std::move(*pass);
    passed_ = true;
    return true;
}

Async<bool> RelayExchange::decide() {
    auto verdict = co_await policy_.decide(head());
    co_return obey(std::move(verdict));
}

/// The policy has seen the body it asked to see. False: `refusal_` is the answer.
bool RelayExchange::looked_inside() {
    std::optional<std::string_view> body;
    std::string plain;
    if (held_) body = body_;
    if (held_ && head().chunked) {
        BodyMeter::of_chunks().take(body_, plain);
        body = plain;
    }
    refusal_ = policy_.look_inside(head(), pass_, body);
    return !refusal_;
}

/// The answer means that the lines that went up are no longer good.
Async<bool> RelayExchange::refuses_lines() {
    const auto beginning = co_await read_beginning();
    co_return policy_.refuses_lines(answer_, beginning);
}

/// Newer lines for a request that can be sent again, once. False: the answer that came stays, unless
/// there is a `refusal_`.
Async<bool> RelayExchange::renew() {
    if (!held_) {
        // What was passed on is gone, so the caller has to send it again.
        policy_.renew_later(pass_);
        retry_line_ = "Latchkey-Retry: body-not-buffered\r\n";
        co_return false;
    }
    if (renewed_) co_return false;
    renewed_ = true;
    auto verdict = co_await policy_.renew(pass_);
    if (std::holds_alternative<RelayKeepAnswer>(verdict)) co_return false;
    let_go_of_upstream();
    co_return obey(std::move(verdict));
}

// ---------------------------------------------------------------------------------------------
// Words that both ways use

void RelayExchange::append_length(std::uint64_t length, std::string& out) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr;
    out.append("Content-Length: ").append(digits.data(), end).append("\r\n");
}

// ---------------------------------------------------------------------------------------------
// When it fails

/// Answers what went wrong before anything of an answer was passed on.
Async<bool> RelayExchange::fail() {
    co_await end_upload();
    upstream_.drop();
    block_.reset();
    if (callers_ == Callers::gone) {
        let_go_of_request();
        policy_.finished(pass_, 0);
        caller_.reset();
        co_return false;
    }
    if (callers_ == Callers::too_slow) {
        refusal_ =
            plain_refusal(408, "request_too_slow", "The request's body did not arrive in time.");
    }
    if (callers_ == Callers::too_many) {
        error_ =
            Error{Fault::try_later, "too_many_bodies",
                  "Too many bodies that have to be looked at are being held. Nothing was sent; "
                  "send it again later."};
        error_.retry_after = std::chrono::seconds{1};
    }
    if (callers_ == Callers::bad_chunks) {
        refusal_ = plain_refusal(400, "invalid_request",
                                 "The chunks of the request's body are malformed.");
    }
    if (!refusal_) refusal_ = policy_.failed(error_, pass_);
    co_return co_await refuse();
}

void RelayExchange::let_go_of_request() {
    const auto behind = caller_.behind_head().size();
    caller_.consume(std::min(taken_behind_, behind));
    caller_.put_back(leftover_);
}

/// Answers `refusal_` to a request of which nothing was looked at but its head.
Async<bool> RelayExchange::refuse_unread() {
    const auto behind = request_meter_.take(caller_.behind_head());
    taken_behind_ = behind.used;
    if (behind.broken) refusal_->close = true;
    return refuse();
}

Async<bool> RelayExchange::refuse() {
    auto reply = std::move(*refusal_);
    const bool unread = !request_meter_.ended();
    const bool head_only = to_head();
    const bool keep = head().keep_alive && !unread && !reply.close && !stopping_;
    const bool http_1_0 = head().http_1_0;
    const int status = reply.status;
    let_go_of_request();
    caller_.lend_time_to(nullptr);
    const bool go_on = co_await caller_.write(std::move(reply), head_only, keep, http_1_0);
    if (passed_) policy_.finished(pass_, status);
    co_return go_on;
}

}  // namespace latchkey
