#include "net/exchange.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <latchkey/secret.h>

#include "base/text.h"
#include "base/watch.h"
#include "net/http_syntax.h"

namespace latchkey {

namespace {

namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;
using boost::system::error_code;

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t framing_bytes = 16 * 1024;  // of one chunk's line, or of a trailer

Error not_sent(const std::string& why) {
    return Error{Fault::try_later, "not_sent", "Nothing was sent: " + why + "."};
}

Error lost(const std::string& why) {
    return Error{Fault::outcome_unknown, "answer_lost",
                 "The request was sent, but no answer was read: " + why +
                     ". It may have been done; look before repeating it."};
}

Error too_large(const char* what) {
    return Error{Fault::outcome_unknown, "answer_too_large",
                 std::string{"The request was sent, but the answer's "} + what +
                     " is over the limit. It may have been done; look before repeating it."};
}

bool is_ours(std::string_view name) {
    return is_framing(name) || ascii_iequal(name, "Host") || ascii_iequal(name, "Expect") ||
           ascii_iequal(name, "Upgrade");
}

bool implies_body(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

/// Reads the answer of one request. Lives as long as one exchange.
class AnswerReader {
public:
    AnswerReader(Stream& stream, Clock& clock, Executor on, const TransportLimits& limits,
                 bool head_only)
        : stream_(stream),
          clock_(clock),
          limits_(limits),
          head_only_(head_only),
          watch_(clock, on),
          bytes_(new char[read_bytes]) {}

    Task<Answer> read(Deadline by) {
        watch_.at(by.sooner(clock_.steady() + limits_.head).at, [this] { stream_.reset(); });
        auto unreadable = co_await read_head();
        if (unreadable) co_return std::move(*unreadable);
        watch_.at(by.at, [this] { stream_.reset(); });
        co_return co_await read_body();
    }

private:
    /// Up to the end of a final answer's head; interim answers are read and dropped.
    Async<std::optional<Error>> read_head() {
        for (int interim = 0; interim <= limits_.interim_answers; ++interim) {
            parser_.emplace();
            parser_->skip(head_only_);
            parser_->header_limit(static_cast<std::uint32_t>(limits_.head_bytes));
            parser_->body_limit(limits_.body_bytes);
            while (!parser_->is_header_done()) {
                if (auto wrong = parse(true)) co_return wrong;
                if (parser_->is_header_done()) break;
                if (pending_.size() > limits_.head_bytes) co_return too_large("head");
                error_code failed;
                co_await read_some(failed);
                if (failed) co_return lost(reason(failed));
            }
            const auto status = parser_->get().result_int();
            if (status >= 200) co_return check_head();
            if (status == 101) co_return lost("the server wants to change the protocol");
        }
        co_return lost("too many interim answers");
    }

    std::optional<Error> check_head() {
        std::size_t lines = 0;
        std::size_t lengths = 0;
        std::size_t codings = 0;
        bool odd_coding = false;
        for (const auto& field : parser_->get()) {
            ++lines;
            if (field.name() == http::field::content_length) ++lengths;
            if (field.name() != http::field::transfer_encoding) continue;
            ++codings;
            odd_coding = !boost::beast::iequals(field.value(), "chunked");
        }
        if (lines > limits_.header_lines) return too_large("head");
        if (lengths > 1 || codings > 1 || odd_coding || lengths + codings > 1) {
            return lost("it does not say clearly where it ends");
        }
        response_.status = static_cast<int>(parser_->get().result_int());
        // Taken now: a trailer's lines, which come later, are not the server's last word.
        for (const auto& field : parser_->get()) {
            response_.headers.add({field.name_string().data(), field.name_string().size()},
                                  {field.value().data(), field.value().size()});
        }
        return std::nullopt;
    }

    Task<Answer> read_body() {
        bool whole = true;
        while (!parser_->is_done()) {
            if (auto wrong = parse(false)) {
                // What is not a chunk ends a body like a cut does; a large one has its own name.
                if (wrong->code == "answer_too_large") co_return std::move(*wrong);
                whole = false;
                break;
            }
            if (parser_->is_done()) break;
            error_code failed;
            co_await read_some(failed);
            if (failed == boost::asio::error::eof) parser_->put_eof(failed);
            if (failed) {
                whole = false;
                break;
            }
        }
        watch_.stop();
        Answer answer;
        answer.reusable = whole && parser_->keep_alive() && pending_.empty();
        if (!whole) stream_.reset();
        answer.response = std::move(response_);
        answer.response.whole = whole;
        answer.response.body = std::move(parser_->get().body());
        co_return answer;
    }

    Async<void> read_some(error_code& failed) {
        const std::span<char> into{bytes_.get(), read_bytes};
        const auto got = co_await stream_.read_some(into, failed);
        if (!failed) pending_.append(bytes_.get(), got);
    }

    /// Feeds what has come to the parser: its head alone, or as much of its body as there is. The
    /// parser is not eager, so it stops where a head ends.
    std::optional<Error> parse(bool once) {
        std::size_t used = 1;
        std::size_t at = 0;  // bytes are dropped together: a body may come in many tiny chunks
        std::optional<Error> wrong;
        while (used > 0 && at < pending_.size() && !parser_->is_done() && !wrong) {
            error_code failed;
            used = parser_->put(boost::asio::buffer(pending_.data() + at, pending_.size() - at),
                                failed);
            at += used;
            if (failed == http::error::need_more) failed = {};
            if (failed == http::error::header_limit) wrong = too_large("head");
            if (failed == http::error::body_limit) wrong = too_large("body");
            if (failed && !wrong) wrong = lost("what came is not HTTP");
            if (once) break;
        }
        pending_.erase(0, at);
        if (!wrong && !once && !parser_->is_done() && pending_.size() > framing_bytes) {
            wrong = lost("what came is not HTTP");
        }
        return wrong;
    }

    std::string reason(const error_code& failed) const {
        if (watch_.fired()) return "the time was over";
        if (failed == boost::asio::error::eof) return "the server closed the connection";
        return failed.message();
    }

    Stream& stream_;
    Clock& clock_;
    const TransportLimits& limits_;
    const bool head_only_;
    Watch watch_;
    std::unique_ptr<char[]> bytes_;
    std::string pending_;  ///< came, but not understood yet
    std::optional<Parser> parser_;
    HttpResponse response_;
};

}  // namespace

Result<std::string> print_request(const Origin& to, const HttpRequest& request, bool close) {
    const auto invalid = [](const char* what) {
        return Error{Fault::bad_input, "invalid_request",
                     std::string{"The request cannot be sent: "} + what};
    };
    if (!is_token(request.method)) return invalid("its method is not a token.");
    if (!is_origin_form(request.target)) return invalid("its target is not a path with a query.");
    std::string out;
    out.reserve(512 + request.body.size());
    out.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
    out.append(to.authority()).append("\r\n");
    for (const auto& line : request.headers) {
        if (!is_token(line.name) || !is_field_value(line.value)) {
            return invalid("a header line holds bytes that would break it.");
        }
        if (is_ours(line.name)) {
            return invalid("it brings a header that only the transport may write.");
        }
        out.append(line.name).append(": ").append(line.value).append("\r\n");
    }
    if (!request.body.empty() || implies_body(request.method)) {
        out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
    }
    if (close) out.append("Connection: close\r\n");
    out.append("\r\n").append(request.body);
    return out;
}

Task<Answer> exchange(Stream& stream, Clock& clock, const TransportLimits& limits,
                      std::string request, bool head_only, SteadyTime send_before, Deadline by) {
    const Executor on = co_await boost::asio::this_coro::executor;
    std::size_t handed = 0;
    error_code failed;
    {
        Watch watch{clock, on};
        watch.at(by.at, [&stream] { stream.reset(); });
        if (watch.fired()) {
            wipe(request);
            co_return not_sent("the caller's time was over");
        }
        // The last look at the clock: nothing that waits comes between it and the write.
        if (clock.steady() >= send_before) {
            stream.reset();
            wipe(request);
            co_return not_sent("the moment to send it had passed");
        }
        co_await stream.write(request, handed, failed);
    }
    wipe(request);
    if (failed) {
        stream.reset();
        if (handed == 0) co_return not_sent("the connection was lost");
        co_return lost("the connection was lost while sending");
    }
    AnswerReader reader{stream, clock, on, limits, head_only};
    auto answer = co_await reader.read(by);
    if (!answer) stream.reset();
    co_return answer;
}

}  // namespace latchkey
