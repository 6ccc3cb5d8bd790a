#include "net/relay_exchange.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>

#include "base/text.h"

namespace latchkey {

namespace {

using boost::system::error_code;
constexpr auto never = std::chrono::steady_clock::time_point::max();
constexpr std::size_t beginning_bytes = 4 * 1024;

bool implies_body(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

void append_length(std::uint64_t length, std::string& out) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr;
    out.append("Content-Length: ").append(digits.data(), end).append("\r\n");
}

BodyMeter meter_of(const RequestHead& head) {
    return head.chunked ? BodyMeter::of_chunks() : BodyMeter::of_length(head.length);
}

Error lost(std::string_view why) {
    return Error{Fault::outcome_unknown, "answer_lost",
                 "The request was sent, but no answer was read: " + std::string{why} +
                     ". It may have been done; look before repeating it."};
}

Error not_sent() {
    return Error{Fault::try_later, "not_sent", "Nothing was sent: the connection was lost."};
}

Error late() {
    return Error{
        Fault::outcome_unknown, "answer_late",
        "The request was sent, but its answer did not come in time. It may have been done; "
        "look before repeating it."};
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
      request_meter_(meter_of(caller.head())),
      upload_over_(on) {}

// ---------------------------------------------------------------------------------------------
// Time

RelayExchange::SteadyClock::time_point RelayExchange::patience(const Pace& pace) const {
    // Two bounds: a silence, and a trickle that would hold its place for ever.
    const auto rate = static_cast<std::int64_t>(relay_.limits.least_rate);
    const auto earned = std::chrono::seconds{static_cast<std::int64_t>(pace.moved) / rate};
    const auto stall = relay_.limits.stall;
    return std::min(SteadyClock::now() + stall, pace.began + stall + earned);
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

    co_await hold_body();
    if (callers_ != Callers::fine) co_return co_await fail();
    for (bool again = true;; again = false) {
        const bool answered = co_await ask();
        if (!answered) co_return co_await fail();
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
    co_return co_await pass_answer_down();
}

// ---------------------------------------------------------------------------------------------
// The request's body

/// Reads as much of the body as may be held. Bytes that came with the head are not copied.
Async<void> RelayExchange::hold_body() {
    const auto behind = caller_.behind_head();
    const auto first = request_meter_.take(behind);
    taken_behind_ = first.used;
    body_ = behind.substr(0, first.passed);
    if (first.broken) callers_ = Callers::bad_chunks;
    if (first.broken) co_return;
    if (request_meter_.ended()) {
        held_ = true;
        if (request_meter_.tail().empty()) co_return;
        body_store_.assign(body_).append(request_meter_.tail());
        body_ = body_store_;
        co_return;
    }
    request_pace_.began = SteadyClock::now();
    const bool asked = co_await tell_to_continue();
    if (!asked) co_return;
    const auto limit = relay_.limits.held_body;
    if (head().length > limit) co_return;

    body_store_.assign(body_);
    Block block;
    while (!request_meter_.ended() && body_store_.size() < limit) {
        const auto got = co_await read_caller(block);
        if (callers_ != Callers::fine) co_return;
        const auto taken = request_meter_.take({block.data(), got});
        if (taken.broken) callers_ = Callers::bad_chunks;
        if (taken.broken) co_return;
        body_store_.append(block.data(), taken.passed);
        leftover_.assign(block.data() + taken.used, got - taken.used);
    }
    held_ = request_meter_.ended();
    if (held_) body_store_.append(request_meter_.tail());
    body_ = body_store_;
}

Async<bool> RelayExchange::tell_to_continue() {
    if (!head().expects_continue || !caller_.behind_head().empty()) co_return true;
    co_return co_await write_caller("HTTP/1.1 100 Continue\r\n\r\n");
}

/// At least one byte, unless `callers_` says why not.
Async<std::size_t> RelayExchange::read_caller(Block& into) {
    caller_sends_by_ = patience(request_pace_);
    auto room = into.from(0);
    // No byte behind a body of known length is taken, so that none has to be put back.
    if (request_meter_.left() > 0 && request_meter_.left() < room.size()) {
        room = room.first(static_cast<std::size_t>(request_meter_.left()));
    }
    error_code failed;
    const auto got = co_await caller_.socket().read_some(room, failed);
    caller_sends_by_ = never;
    request_pace_.moved += got;
    if (failed && callers_ == Callers::fine && !stop_upload_) callers_ = Callers::gone;
    co_return failed ? 0 : got;
}

Async<void> RelayExchange::upload(RelayExchange* self) {
    co_await self->pass_body_up();
    self->uploading_ = false;
    // What the upstream has to say may come only when it has everything.
    self->upstream_by_ = SteadyClock::now() + self->relay_.limits.answer;
    self->upload_over_.cancel();
}

/// Goes on with the body where `ask` has stopped. A caller's failure ends the wait for an answer;
/// an upstream's does not, because it may have answered before it stopped listening.
Async<void> RelayExchange::pass_body_up() {
    Block block;
    while (!request_meter_.ended() && !stop_upload_) {
        const auto got = co_await read_caller(block);
        if (stop_upload_) co_return;
        if (callers_ == Callers::fine) {
            const auto taken = request_meter_.take({block.data(), got});
            if (taken.broken) callers_ = Callers::bad_chunks;
            leftover_.assign(block.data() + taken.used, got - taken.used);
            if (!taken.broken) {
                std::size_t handed = 0;
                error_code failed;
                upstream_by_ = SteadyClock::now() + relay_.limits.stall;
                co_await upstream_->write({block.data(), taken.passed}, handed, failed);
                upstream_by_ = never;
                if (!failed && request_meter_.ended() && !request_meter_.tail().empty()) {
                    co_await upstream_->write(request_meter_.tail(), handed, failed);
                }
                if (failed) co_return;
                continue;
            }
        }
        upstream_->reset();
        co_return;
    }
}

Async<void> RelayExchange::end_upload() {
    if (!uploading_) co_return;
    stop_upload_ = true;
    caller_.socket().interrupt();
    if (upstream_) upstream_->reset();
    while (uploading_) {
        upload_over_.expires_at(never);
        error_code ignored;
        co_await upload_over_.async_wait(boost::asio::redirect_error(use_task, ignored));
    }
}

// ---------------------------------------------------------------------------------------------
// The upstream

void RelayExchange::write_head_up() {
    const auto& request = head();
    out_.clear();
    out_.append(request.method).append(" ").append(pass_.path).append(" HTTP/1.1\r\n");
    out_.append(pass_.target->lines.reveal());
    policy_.append_up(request, out_);
    if (request.chunked) {
        out_.append("Transfer-Encoding: chunked\r\n");
    } else if (request.has_length || implies_body(request.method)) {
        append_length(request.length, out_);
    }
    out_.append("\r\n");
}

/// Sends the request and reads the answer's head. False: `error_` or `callers_` says why not.
Async<bool> RelayExchange::ask() {
    upstream_late_ = false;
    upstream_ = relay_.upstreams.idle(pass_.target->to);
    error_code failed;
    std::size_t handed = 0;
    for (bool fresh = false;; fresh = true) {
        if (!upstream_) {
            const auto by = relay_.clock.in(relay_.limits.answer);
            auto dialled = co_await relay_.upstreams.dial(pass_.target->to, by);
            if (!dialled) {
                error_ = dialled.error();
                co_return false;
            }
            upstream_ = std::move(*dialled);
            fresh = true;
        }
        write_head_up();
        out_.append(body_);
        upstream_by_ = SteadyClock::now() + relay_.limits.stall;
        co_await upstream_->write(out_, handed, failed);
        upstream_by_ = never;
        wipe(out_);
        if (!failed || handed > 0 || fresh) break;
        upstream_.drop();
    }
    if (failed && handed == 0) {
        error_ = not_sent();
        co_return false;
    }
    if (!failed && !held_) {
        uploading_ = true;
        boost::asio::co_spawn(on_, upload(this), [this](const std::exception_ptr& thrown) {
            if (!thrown) return;
            uploading_ = false;
            upload_over_.cancel();
        });
    }
    co_return co_await read_answer_head();
}

/// More of the answer into what is left of the block. False: the connection is at its end, or
/// `error_` is set.
Async<bool> RelayExchange::read_more_answer() {
    error_ = Error{};
    reads_upstream_ = true;
    error_code failed;
    const auto got = co_await upstream_->read_some(block_->from(filled_), failed);
    reads_upstream_ = false;
    if (!failed) {
        filled_ += got;
        co_return true;
    }
    if (upstream_late_)
        error_ = late();
    else if (failed != boost::asio::error::eof)
        error_ = lost("the connection was lost");
    co_return false;
}

Async<bool> RelayExchange::read_answer_head() {
    if (!block_) block_.emplace();
    filled_ = 0;
    if (!uploading_) upstream_by_ = SteadyClock::now() + relay_.limits.answer;
    std::size_t looked_at = 0;
    for (int interim = 0; interim <= relay_.limits.interim_answers;) {
        const std::string_view bytes{block_->data(), filled_};
        const auto end = bytes.find("\r\n\r\n", looked_at < 3 ? 0 : looked_at - 3);
        if (end == std::string_view::npos) {
            looked_at = filled_;
            if (filled_ > relay_.limits.answer_head) {
                error_ = lost("its head is over the limit");
                co_return false;
            }
            const bool some = co_await read_more_answer();
            if (some) continue;
            if (error_.code.empty()) error_ = lost("the server closed the connection");
            co_return false;
        }
        body_at_ = end + 4;
        if (const char* wrong =
                scan_answer(bytes.substr(0, body_at_), relay_.limits.answer_lines, answer_)) {
            error_ = lost(wrong);
            co_return false;
        }
        if (answer_.status == 101) {
            error_ = lost("the server wants to change the protocol");
            co_return false;
        }
        if (answer_.status >= 200) {
            if (!uploading_) upstream_by_ = never;
            co_return true;
        }
        // An interim answer: what was asked of us to say on the way was said already.
        ++interim;
        std::memmove(block_->data(), block_->data() + body_at_, filled_ - body_at_);
        filled_ -= body_at_;
        looked_at = 0;
    }
    error_ = lost("too many interim answers");
    co_return false;
}

BodyMeter RelayExchange::answer_meter() const {
    switch (answer_.ends(head().method == "HEAD")) {
        case AnswerHead::Ends::at_once:
            return BodyMeter::none();
        case AnswerHead::Ends::by_length:
            return BodyMeter::of_length(*answer_.length);
        case AnswerHead::Ends::by_chunks:
            return BodyMeter::of_chunks();
        case AnswerHead::Ends::by_close:
            return BodyMeter::until_close();
    }
    return BodyMeter::none();
}

/// The beginning of the answer's body, without framing. All that is read stays in the block, to be
/// passed on.
Async<std::string> RelayExchange::read_beginning() {
    upstream_by_ = SteadyClock::now() + relay_.limits.stall;
    std::string plain;
    for (;;) {
        // Anew each time: the bytes are few, and a meter that stopped could not be asked again.
        auto meter = answer_meter();
        plain.clear();
        const auto taken = meter.take(answer_bytes(), plain);
        if (taken.broken || meter.ended() || plain.size() >= beginning_bytes) break;
        if (filled_ == Block::size) break;
        const bool some = co_await read_more_answer();
        if (!some) break;
    }
    upstream_by_ = never;
    if (plain.size() > beginning_bytes) plain.resize(beginning_bytes);
    co_return plain;
}

/// Keeps the connection if its answer has been read to the end, and closes it otherwise.
void RelayExchange::let_go_of_upstream() {
    if (!upstream_) return;
    auto meter = answer_meter();
    const auto taken = meter.take(answer_bytes());
    const bool clean = !taken.broken && meter.ended() && taken.used == filled_ - body_at_ &&
                       answer_.keep_alive && !uploading_;
    if (clean)
        relay_.upstreams.give_back(std::move(upstream_));
    else
        upstream_.drop();
}

// ---------------------------------------------------------------------------------------------
// The answer

bool RelayExchange::ends_here() const {
    return close_after_ || stopping_ || !head().keep_alive || !request_meter_.ended();
}

Async<bool> RelayExchange::write_caller(std::string_view bytes) {
    error_code failed;
    std::size_t handed = 0;
    caller_takes_by_ = SteadyClock::now() + relay_.limits.stall;
    co_await caller_.socket().write(bytes, handed, failed);
    caller_takes_by_ = never;
    if (failed && callers_ == Callers::fine) callers_ = Callers::gone;
    co_return !failed;
}

void RelayExchange::write_head_down() {
    const auto ends = answer_.ends(to_head());
    dechunk_ = ends == AnswerHead::Ends::by_chunks && head().http_1_0;
    close_after_ = ends == AnswerHead::Ends::by_close || dechunk_;
    out_.clear();
    out_.append("HTTP/1.1").append(answer_.status_line.substr(8)).append("\r\n");
    policy_.append_down(answer_, pass_, out_);
    out_.append(retry_line_);
    const bool bodiless = answer_.status == 204 || answer_.status == 304;
    if (answer_.length && answer_.status != 204) append_length(*answer_.length, out_);
    if (answer_.chunked && !bodiless && !head().http_1_0) {
        out_.append("Transfer-Encoding: chunked\r\n");
    }
    if (ends_here())
        out_.append("Connection: close\r\n");
    else if (head().http_1_0)
        out_.append("Connection: keep-alive\r\n");
    out_.append("\r\n");
}

Async<bool> RelayExchange::pass_answer_down() {
    auto meter = answer_meter();
    std::string plain;
    write_head_down();
    auto taken = dechunk_ ? meter.take(answer_bytes(), plain) : meter.take(answer_bytes());
    if (taken.broken) {
        error_ = lost("its chunks are malformed");
        co_return co_await fail();
    }
    status_ = answer_.status;
    const bool keep = !ends_here();
    bool sent = false;
    if (dechunk_ || out_.size() > body_at_ + Block::front) {
        out_.append(dechunk_ ? std::string_view{plain} : answer_bytes().substr(0, taken.passed));
        sent = co_await write_caller(out_);
    } else {
        // Before the body's bytes that are there already, so that one send carries both.
        char* const at = block_->data() + body_at_ - out_.size();
        std::memcpy(at, out_.data(), out_.size());
        sent = co_await write_caller({at, out_.size() + taken.passed});
    }
    std::size_t beyond = filled_ - body_at_ - taken.used;
    Pace pace{SteadyClock::now(), taken.used};
    bool whole = true;
    while (sent && !meter.ended()) {
        filled_ = 0;
        if (!uploading_) upstream_by_ = patience(pace);
        const bool some = co_await read_more_answer();
        if (!uploading_) upstream_by_ = never;
        if (!some) {
            whole = error_.code.empty() && meter.end();
            break;
        }
        plain.clear();
        const std::string_view bytes{block_->data(), filled_};
        taken = dechunk_ ? meter.take(bytes, plain) : meter.take(bytes);
        whole = !taken.broken;
        if (!whole) break;
        pace.moved += taken.used;
        beyond = filled_ - taken.used;
        const auto piece = dechunk_ ? std::string_view{plain} : bytes.substr(0, taken.passed);
        if (!piece.empty()) sent = co_await write_caller(piece);
    }
    if (sent && whole && !dechunk_ && !meter.tail().empty()) {
        sent = co_await write_caller(meter.tail());
    }
    const bool early = uploading_ || !request_meter_.ended();
    co_await end_upload();
    if (whole && beyond == 0 && !early && meter.ended() && answer_.keep_alive && upstream_ &&
        answer_.ends(to_head()) != AnswerHead::Ends::by_close) {
        relay_.upstreams.give_back(std::move(upstream_));
    }
    upstream_.drop();
    block_.reset();
    const bool ok = sent && whole;
    // Only a reset tells the caller that what came is not all there is.
    if (!ok) caller_.reset();
    let_go_of_request();
    policy_.finished(pass_, ok ? status_ : 0);
    co_return ok&& keep && !early;
}

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
