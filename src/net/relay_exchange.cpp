#include "net/relay_exchange.h"

#include <algorithm>
#include <array>
#include <charconv>
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
    if (now >= upstream_by_) {
        upstream_by_ = never;
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

Async<bool> RelayExchange::serve(Relay& relay, ServerConnection& caller, const bool& stopping) {
    const Executor on = co_await boost::asio::this_coro::executor;
    RelayExchange exchange{relay, caller, stopping, on};
    caller.lend_time_to(&exchange);
    const bool go_on = co_await exchange.run();
    caller.lend_time_to(nullptr);
    co_return go_on;
}

Async<bool> RelayExchange::run() {
    auto verdict = policy_.look(head());
    if (std::holds_alternative<RelayUndecided>(verdict)) verdict = co_await policy_.decide(head());
    if (auto* reply = std::get_if<Reply>(&verdict)) {
        const auto behind = request_meter_.take(caller_.behind_head());
        taken_behind_ = behind.used;
        if (behind.broken) reply->close = true;
        auto refusal = std::move(*reply);
        co_return co_await refuse(std::move(refusal));
    }
    pass_ = std::move(std::get<RelayPass>(verdict));
    passed_ = true;

    if (!hold_what_came()) co_await hold_rest();
    if (callers_ != Callers::fine) co_return co_await fail();
    for (bool again = true;; again = false) {
        bool good = send_on_idle();
        if (!good) good = co_await send();
        if (good) good = co_await read_answer_head();
        if (!good) co_return co_await fail();
        if (!policy_.may_refuse_lines(answer_.status)) break;
        const auto beginning = co_await read_beginning();
        if (!policy_.refuses_lines(answer_, beginning)) break;
        if (!held_) {
            // What was passed on is gone, so the caller has to send it again.
            policy_.renew_later(pass_);
            retry_line_ = "Latchkey-Retry: body-not-buffered\r\n";
            break;
        }
        if (!again) break;
        auto renewed = co_await policy_.renew(pass_);
        if (std::holds_alternative<RelayKeepAnswer>(renewed)) break;
        let_go_of_upstream();
        if (auto* reply = std::get_if<Reply>(&renewed)) {
            auto refusal = std::move(*reply);
            co_return co_await refuse(std::move(refusal));
        }
        pass_ = std::move(std::get<RelayPass>(renewed));
    }
    if (!begin_answer()) co_return co_await fail();
    if (answer_goes_on()) co_await pass_rest_down();
    co_return end_answer();
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
        co_return co_await refuse(
            plain_refusal(408, "request_too_slow", "The request's body did not arrive in time."));
    }
    if (callers_ == Callers::bad_chunks) {
        co_return co_await refuse(plain_refusal(400, "invalid_request",
                                                "The chunks of the request's body are malformed."));
    }
    co_return co_await refuse(policy_.failed(error_, pass_));
}

void RelayExchange::let_go_of_request() {
    const auto behind = caller_.behind_head().size();
    caller_.consume(std::min(taken_behind_, behind));
    caller_.put_back(leftover_);
}

Async<bool> RelayExchange::refuse(Reply reply) {
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
