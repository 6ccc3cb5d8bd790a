#include "net/relay_exchange.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "net/coarse_time.h"

// The answer's way: read from the server, passed on to the caller.
namespace latchkey {

namespace {

using boost::system::error_code;
constexpr std::size_t beginning_bytes = 4 * 1024;
constexpr int most_at_once = 32;  // blocks of an answer: some milliseconds

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

/// Reads more of the answer into what is left of the block; `came` has to be told. nullopt: the
/// upstream has to be awaited.
std::optional<std::size_t> RelayExchange::more_now(error_code& failed) {
    if (!block_) block_.emplace();
    const auto got = upstream_->read_now(block_->from(filled_), failed);
    reads_upstream_ = !got;
    // Many wait for an answer at a time, and memory is for those who have something.
    if (!got && filled_ == 0) block_.reset();
    return got;
}

/// The same after the wait.
std::optional<std::size_t> RelayExchange::more_after(bool told, error_code& failed) {
    if (told) return more_now(failed);
    failed = boost::asio::error::operation_aborted;
    return 0;
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

/// What came of waiting for the answer's head: true, it is there; false, `error_` says why it will not
/// be; nullopt, more has to be read.
std::optional<bool> RelayExchange::expect_answer() {
    filled_ = 0;
    looked_at_ = 0;
    interim_ = 0;
    if (!uploading_) upstream_by_ = coarse_now() + relay_.limits.answer;
    return std::nullopt;
}

bool RelayExchange::head_is_lost() {
    if (error_.code.empty()) error_ = lost("the server closed the connection");
    return false;
}

std::optional<bool> RelayExchange::look_for_head() {
    for (;;) {
        const std::string_view bytes{block_->data(), filled_};
        const auto end = bytes.find("\r\n\r\n", looked_at_ < 3 ? 0 : looked_at_ - 3);
        if (std::min(end, filled_) > relay_.limits.answer_head) {
            error_ = lost("its head is over the limit");
            return false;
        }
        if (end == std::string_view::npos) {
            looked_at_ = filled_;
            return std::nullopt;
        }
        body_at_ = end + 4;
        if (const char* wrong =
                scan_answer(bytes.substr(0, body_at_), relay_.limits.answer_lines, answer_)) {
            error_ = lost(wrong);
            return false;
        }
        if (answer_.status == 101) {
            error_ = lost("the server wants to change the protocol");
            return false;
        }
        if (answer_.status >= 200) {
            if (!uploading_) upstream_by_ = never;
            return true;
        }
        // An interim answer: what was asked of us to say on the way was said already.
        if (++interim_ > relay_.limits.interim_answers) {
            error_ = lost("too many interim answers");
            return false;
        }
        std::memmove(block_->data(), block_->data() + body_at_, filled_ - body_at_);
        filled_ -= body_at_;
        looked_at_ = 0;
    }
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
    upstream_by_ = coarse_now() + relay_.limits.stall;
    std::string plain;
    error_code failed;
    for (;;) {
        // Anew each time: the bytes are few, and a meter that stopped could not be asked again.
        auto meter = answer_meter();
        plain.clear();
        const auto taken = meter.take(answer_bytes(), plain);
        if (taken.broken || meter.ended() || plain.size() >= beginning_bytes) break;
        if (filled_ == Block::size) break;
        auto got = more_now(failed);
        while (!got) {
            const bool told = co_await upstream_->until_some();
            got = more_after(told, failed);
        }
        if (!came(*got, failed)) break;
    }
    upstream_by_ = never;
    if (plain.size() > beginning_bytes) plain.resize(beginning_bytes);
    co_return plain;
}

void RelayExchange::give_back_upstream() {
    const bool bodiless = answer_.ends(to_head()) == AnswerHead::Ends::at_once;
    relay_.upstreams.give_back(std::move(upstream_),
                               bodiless ? Upstreams::Last::bodiless : Upstreams::Last::with_body);
}

/// Keeps the connection if its answer has been read to the end, and closes it otherwise.
void RelayExchange::let_go_of_upstream() {
    if (!upstream_) return;
    auto meter = answer_meter();
    const auto taken = meter.take(answer_bytes());
    const bool clean = !taken.broken && meter.ended() && taken.used == filled_ - body_at_ &&
                       answer_.keep_alive && !uploading_;
    if (clean)
        give_back_upstream();
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
    caller_takes_by_ = coarse_now() + relay_.limits.stall;
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

/// Sends the head with what is there of the body, as much as goes at once. False: `error_` says what
/// is wrong with it, and nothing was sent.
bool RelayExchange::begin_answer() {
    answer_body_ = answer_meter();
    write_head_down();
    const auto taken =
        dechunk_ ? answer_body_.take(answer_bytes(), plain_) : answer_body_.take(answer_bytes());
    if (taken.broken) {
        error_ = lost("its chunks are malformed");
        return false;
    }
    status_ = answer_.status;
    keep_ = !ends_here();
    if (dechunk_ || out_.size() > body_at_ + Block::front) {
        out_.append(dechunk_ ? std::string_view{plain_} : answer_bytes().substr(0, taken.passed));
        unsent_down_ = out_;
    } else {
        // Before the body's bytes that are there already, so that one send carries both.
        char* const at = block_->data() + body_at_ - out_.size();
        std::memcpy(at, out_.data(), out_.size());
        unsent_down_ = {at, out_.size() + taken.passed};
    }
    beyond_ = filled_ - body_at_ - taken.used;
    answer_pace_ = Pace{coarse_now(), taken.used};
    if (const auto done = write_caller_now(unsent_down_)) {
        sent_ = *done;
        unsent_down_ = {};
    }
    return true;
}

bool RelayExchange::answer_goes_on() const {
    return !unsent_down_.empty() || !answer_body_.ended() || !answer_body_.tail().empty() ||
           uploading_;
}

Async<void> RelayExchange::pass_rest_down() {
    if (!unsent_down_.empty()) sent_ = co_await write_caller(unsent_down_);
    int at_once = 0;
    while (sent_ && !answer_body_.ended()) {
        filled_ = 0;
        if (!uploading_) upstream_by_ = patience(answer_pace_);
        error_code failed;
        auto got = more_now(failed);
        while (!got) {
            const bool told = co_await upstream_->until_some();
            got = more_after(told, failed);
        }
        if (!uploading_) upstream_by_ = never;
        // Where all goes without waiting, others of the loop would wait for this answer's end.
        if (++at_once % most_at_once == 0) co_await boost::asio::post(on_, use_task);
        if (!came(*got, failed)) {
            whole_ = error_.code.empty() && answer_body_.end();
            break;
        }
        plain_.clear();
        const std::string_view bytes{block_->data(), filled_};
        const auto taken = dechunk_ ? answer_body_.take(bytes, plain_) : answer_body_.take(bytes);
        whole_ = !taken.broken;
        if (!whole_) break;
        answer_pace_.moved += taken.used;
        beyond_ = filled_ - taken.used;
        auto piece = dechunk_ ? std::string_view{plain_} : bytes.substr(0, taken.passed);
        const auto done = write_caller_now(piece);
        sent_ = done.value_or(false);
        if (!done) sent_ = co_await write_caller(piece);
    }
    if (sent_ && whole_ && !dechunk_ && !answer_body_.tail().empty()) {
        sent_ = co_await write_caller(answer_body_.tail());
    }
    early_ = uploading_;
    co_await end_upload();
}

/// Keeps what can be used again. Returns whether the caller may send another request.
bool RelayExchange::end_answer() {
    const bool early = early_ || !request_meter_.ended();
    if (whole_ && beyond_ == 0 && !early && answer_body_.ended() && answer_.keep_alive &&
        upstream_ && answer_.ends(to_head()) != AnswerHead::Ends::by_close) {
        give_back_upstream();
    }
    upstream_.drop();
    block_.reset();
    const bool ok = sent_ && whole_;
    // Only a reset tells the caller that what came is not all there is.
    if (!ok) caller_.reset();
    let_go_of_request();
    policy_.finished(pass_, ok ? status_ : 0);
    return ok && keep_ && !early;
}

}  // namespace latchkey
