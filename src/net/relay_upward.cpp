#include "net/relay_exchange.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>

#include "net/coarse_time.h"

// The request's way: its body from the caller, its head and body to the server.
namespace latchkey {

namespace {

using boost::system::error_code;

constexpr std::size_t most_kept_bytes = 16 * 1024;

bool implies_body(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

Error not_sent() {
    return Error{Fault::try_later, "not_sent", "Nothing was sent: the connection was lost."};
}

}  // namespace

/// True: the body came with the head, or is no body. Its bytes are not copied.
bool RelayExchange::hold_what_came() {
    const auto behind = caller_.behind_head();
    const auto first = request_meter_.take(behind);
    taken_behind_ = first.used;
    body_ = behind.substr(0, first.passed);
    if (first.broken) callers_ = Callers::bad_chunks;
    held_ = !first.broken && request_meter_.ended();
    if (held_ && !request_meter_.tail().empty()) {
        body_store_.assign(body_).append(request_meter_.tail());
        body_ = body_store_;
    }
    return held_ || first.broken;
}

/// Reads as much more of the body as may be held.
Async<void> RelayExchange::hold_rest() {
    request_pace_.began = coarse_now();
    const auto limit = pass_.shows_body ? relay_.limits.shown_body : relay_.limits.held_body;
    if (pass_.shows_body && head().length > limit) co_return;
    const bool asked = co_await tell_to_continue();
    if (!asked || head().length > limit) co_return;

    body_store_.assign(body_);
    Block block;
    while (!request_meter_.ended() && body_store_.size() < limit) {
        const auto got = co_await read_caller(block);
        if (callers_ != Callers::fine) co_return;
        const auto taken = request_meter_.take({block.data(), got});
        if (taken.broken) callers_ = Callers::bad_chunks;
        if (taken.broken) co_return;
        leftover_.assign(block.data() + taken.used, got - taken.used);
        if (pass_.shows_body && !take_room(taken.passed)) co_return;
        body_store_.append(block.data(), taken.passed);
    }
    held_ = request_meter_.ended();
    if (held_) body_store_.append(request_meter_.tail());
    body_ = body_store_;
}

/// Bodies that the policy sees are longer than most, and whoever sends them may take his time. So what is
/// there of all of them has a bound.
bool RelayExchange::take_room(std::size_t bytes) {
    if (relay_.shown_now + bytes > relay_.limits.shown_bodies) {
        callers_ = Callers::too_many;
        return false;
    }
    shown_room_ += bytes;
    relay_.shown_now += bytes;
    return true;
}

Async<bool> RelayExchange::tell_to_continue() {
    if (!head().expects_continue || !caller_.behind_head().empty()) co_return true;
    const std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    co_return co_await write_caller(go_on);
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
    self->upstream_by_ = coarse_now() + self->relay_.limits.answer;
    self->upload_over_->cancel();
}

/// Goes on with the body where `send` has stopped. A caller's failure ends the wait for an answer;
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
                upstream_takes_by_ = coarse_now() + relay_.limits.stall;
                const std::string_view passed{block.data(), taken.passed};
                co_await upstream_->write(passed, handed, failed);
                if (!failed && request_meter_.ended() && !request_meter_.tail().empty()) {
                    co_await upstream_->write(request_meter_.tail(), handed, failed);
                }
                upstream_takes_by_ = never;
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
        upload_over_->expires_at(never);
        error_code ignored;
        co_await upload_over_->async_wait(boost::asio::redirect_error(use_task, ignored));
    }
}

void RelayExchange::write_head_up() {
    const auto& request = head();
    // Room for all of it at once: what a string outgrows is freed as it is, with the token in it.
    constexpr std::size_t few_lines = 96;
    auto room = pass_.path.size() + pass_.target->lines.reveal().size() + body_.size() + few_lines;
    for (const auto& line : request.lines) room += line.whole.size();
    out_.clear();
    out_.reserve(room);
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

/// Hands over what the kernel takes at once; `unsent_` is what it leaves.
void RelayExchange::begin_to_send() {
    write_head_up();
    out_.append(body_);
    unsent_ = out_;
    handed_ = 0;
    send_failed_ = {};
    if (upstream_->write_now(unsent_, handed_, send_failed_) && !send_failed_) unsent_ = {};
}

void RelayExchange::all_is_sent() {
    unsent_ = {};
    wipe(out_);
    // With a long body it is long, and an answer may take its time.
    if (out_.capacity() > most_kept_bytes) std::string{}.swap(out_);
    if (held_ || send_failed_) return;
    upload_over_.emplace(on_);
    uploading_ = true;
    const auto ended = [this](const std::exception_ptr& thrown) {
        if (!thrown) return;
        uploading_ = false;
        upload_over_->cancel();
    };
    try {
        boost::asio::co_spawn(on_, upload(this), ended);
    } catch (...) {
        uploading_ = false;
        throw;
    }
}

/// True: the request is on its way. False: `send` has to be awaited.
bool RelayExchange::send_on_idle() {
    upstream_late_ = false;
    upstream_ = relay_.upstreams.idle(pass_.target->to);
    if (!upstream_) return false;
    begin_to_send();
    if (send_failed_ || !unsent_.empty()) return false;
    all_is_sent();
    return true;
}

/// Goes on where `send_on_idle` has stopped. False: `error_` says why nothing was sent.
Async<bool> RelayExchange::send() {
    for (bool fresh = false;; fresh = true) {
        if (!upstream_) {
            const auto by = relay_.clock.in(relay_.limits.answer);
            auto dialled = co_await relay_.upstreams.dial(pass_.target->to, by);
            if (!dialled) {
                wipe(out_);
                error_ = dialled.error();
                co_return false;
            }
            upstream_ = std::move(*dialled);
            fresh = true;
            begin_to_send();
        }
        if (!unsent_.empty() && !send_failed_) {
            upstream_by_ = coarse_now() + relay_.limits.stall;
            co_await upstream_->write(unsent_, handed_, send_failed_);
            upstream_by_ = never;
        }
        if (!send_failed_ || handed_ > 0 || fresh) break;
        upstream_.drop();
    }
    all_is_sent();
    if (!send_failed_ || handed_ > 0) co_return true;
    error_ = not_sent();
    co_return false;
}

}  // namespace latchkey
