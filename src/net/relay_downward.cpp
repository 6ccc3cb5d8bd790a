#include "net/relay_exchange.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/error.hpp>

// The answer's way: read from the server, passed on to the caller.
namespace latchkey {

namespace {

using boost::system::error_code;
constexpr std::size_t beginning_bytes = 4 * 1024;

Error lost(std::string_view why) {
    return Error{Fault::outcome_unknown, "answer_lost",
                 "The request was sent, but no answer was read: " + std::string{why} +
                     ". It may have been done; look before repeating it."};
}

Error late() {
    return Error{
        Fault::outcome_unknown, "answer_late",
        "The request was sent, but its answer did not come in time. It may have been done; "
        "look before repeating it."};
}

}  // namespace

/// Reads more of the answer into what is left of the block; `came` has to be told.
Async<std::size_t> RelayExchange::more_answer(error_code& failed) {
    reads_upstream_ = true;
    return upstream_->read_some(block_->from(filled_), failed);
}

/// False: the connection is at its end, or `error_` is set.
bool RelayExchange::came(std::size_t bytes, const error_code& failed) {
    reads_upstream_ = false;
    if (!error_.code.empty()) error_ = Error{};
    if (!failed) {
        filled_ += bytes;
        return true;
    }
    if (upstream_late_)
        error_ = late();
    else if (failed != boost::asio::error::eof)
        error_ = lost("the connection was lost");
    return false;
}

Async<bool> RelayExchange::read_answer_head() {
    error_code failed;
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
            const auto got = co_await more_answer(failed);
            if (came(got, failed)) continue;
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
    error_code failed;
    for (;;) {
        // Anew each time: the bytes are few, and a meter that stopped could not be asked again.
        auto meter = answer_meter();
        plain.clear();
        const auto taken = meter.take(answer_bytes(), plain);
        if (taken.broken || meter.ended() || plain.size() >= beginning_bytes) break;
        if (filled_ == Block::size) break;
        const auto got = co_await more_answer(failed);
        if (!came(got, failed)) break;
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

bool RelayExchange::ends_here() const {
    return close_after_ || stopping_ || !head().keep_alive || !request_meter_.ended();
}

/// What came of it, if the kernel takes all at once; else `write_caller` has to take what is left.
std::optional<bool> RelayExchange::write_caller_now(std::string_view& bytes) {
    error_code failed;
    std::size_t handed = 0;
    if (!caller_.socket().write_now(bytes, handed, failed)) return std::nullopt;
    if (failed && callers_ == Callers::fine) callers_ = Callers::gone;
    return !failed;
}

Async<bool> RelayExchange::write_caller(std::string_view bytes) {
    if (const auto done = write_caller_now(bytes)) co_return *done;
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
    std::string_view piece;
    if (dechunk_ || out_.size() > body_at_ + Block::front) {
        out_.append(dechunk_ ? std::string_view{plain} : answer_bytes().substr(0, taken.passed));
        piece = out_;
    } else {
        // Before the body's bytes that are there already, so that one send carries both.
        char* const at = block_->data() + body_at_ - out_.size();
        std::memcpy(at, out_.data(), out_.size());
        piece = {at, out_.size() + taken.passed};
    }
    const auto done = write_caller_now(piece);
    bool sent = done.value_or(false);
    if (!done) sent = co_await write_caller(piece);
    std::size_t beyond = filled_ - body_at_ - taken.used;
    Pace pace{SteadyClock::now(), taken.used};
    bool whole = true;
    while (sent && !meter.ended()) {
        filled_ = 0;
        if (!uploading_) upstream_by_ = patience(pace);
        error_code failed;
        const auto got = co_await more_answer(failed);
        if (!uploading_) upstream_by_ = never;
        if (!came(got, failed)) {
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
        piece = dechunk_ ? std::string_view{plain} : bytes.substr(0, taken.passed);
        const auto taken_now = write_caller_now(piece);
        sent = taken_now.value_or(false);
        if (!taken_now) sent = co_await write_caller(piece);
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

}  // namespace latchkey
