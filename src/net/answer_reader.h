#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/watch.h"
#include "net/http.h"
#include "net/stream.h"
#include "net/transport.h"

namespace latchkey {

// What both ways of reading an answer share: its head, and the feeding of Beast's parser. Private to
// the room.

namespace exchange_errors {

inline Error not_sent(const std::string& why) {
    return Error{Fault::try_later, "not_sent", "Nothing was sent: " + why + "."};
}

inline Error lost(const std::string& why) {
    return Error{Fault::outcome_unknown, "answer_lost",
                 "The request was sent, but no answer was read: " + why +
                     ". It may have been done; look before repeating it."};
}

inline Error too_large(const char* what) {
    return Error{Fault::outcome_unknown, "answer_too_large",
                 std::string{"The request was sent, but the answer's "} + what +
                     " is over the limit. It may have been done; look before repeating it."};
}

}  // namespace exchange_errors

/// Reads the answer of one request from a stream. `Body` is the way Beast keeps its body.
template <class Body>
class AnswerReader {
public:
    using Parser = boost::beast::http::response_parser<Body>;
    using error_code = boost::system::error_code;

    /// All must outlive this object. `watch` resets the stream when the time is over.
    AnswerReader(Stream& stream, const TransportLimits& limits, const Watch& watch, bool head_only)
        : stream_(stream),
          limits_(limits),
          watch_(watch),
          head_only_(head_only),
          bytes_(new char[read_bytes]) {}

    /// Up to the end of a final answer's head; interim answers are read and dropped.
    /// body_bytes  bound of the body; nullopt: none
    Async<std::optional<Error>> read_head(std::optional<std::uint64_t> body_bytes) {
        for (int interim = 0; interim <= limits_.interim_answers; ++interim) {
            parser_.emplace();
            parser_->skip(head_only_);
            parser_->header_limit(static_cast<std::uint32_t>(limits_.head_bytes));
            if (body_bytes) {
                parser_->body_limit(*body_bytes);
            } else {
                parser_->body_limit(boost::none);
            }
            while (!parser_->is_header_done()) {
                if (auto wrong = parse(true)) co_return wrong;
                if (parser_->is_header_done()) break;
                if (pending_.size() > limits_.head_bytes) {
                    co_return exchange_errors::too_large("head");
                }
                error_code failed;
                co_await read_some(failed);
                if (failed) co_return exchange_errors::lost(reason(failed));
            }
            const auto status = parser_->get().result_int();
            if (status >= 200) co_return check_head();
            if (status == 101) {
                co_return exchange_errors::lost("the server wants to change the protocol");
            }
        }
        co_return exchange_errors::lost("too many interim answers");
    }

    int status() const { return status_; }
    const Headers& headers() const { return headers_; }
    Parser& parser() { return *parser_; }
    /// The stream stands right before the next answer.
    bool reusable() { return parser_->keep_alive() && pending_.empty(); }

    Async<void> read_some(error_code& failed) {
        const std::span<char> into{bytes_.get(), read_bytes};
        const auto got = co_await stream_.read_some(into, failed);
        if (!failed) pending_.append(bytes_.get(), got);
    }

    /// Feeds what has come to the parser: its head alone, or as much of its body as there is and the
    /// body has room for. The parser is not eager, so it stops where a head ends.
    std::optional<Error> parse(bool once) {
        namespace http = boost::beast::http;
        std::size_t used = 1;
        std::size_t at = 0;  // bytes are dropped together: a body may come in many tiny chunks
        std::optional<Error> wrong;
        bool full = false;
        while (used > 0 && at < pending_.size() && !parser_->is_done() && !wrong && !full) {
            error_code failed;
            used = parser_->put(boost::asio::buffer(pending_.data() + at, pending_.size() - at),
                                failed);
            at += used;
            if (failed == http::error::need_more) failed = {};
            if (failed == http::error::need_buffer) {
                full = true;
                failed = {};
            }
            if (failed == http::error::header_limit) wrong = exchange_errors::too_large("head");
            if (failed == http::error::body_limit) wrong = exchange_errors::too_large("body");
            if (failed && !wrong) wrong = exchange_errors::lost("what came is not HTTP");
            if (once) break;
        }
        pending_.erase(0, at);
        if (!wrong && !once && !full && !parser_->is_done() && pending_.size() > framing_bytes) {
            wrong = exchange_errors::lost("what came is not HTTP");
        }
        return wrong;
    }

private:
    static constexpr std::size_t read_bytes = 64 * 1024;
    static constexpr std::size_t framing_bytes = 16 * 1024;  // of one chunk's line, or of a trailer

    std::optional<Error> check_head() {
        namespace http = boost::beast::http;
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
        if (lines > limits_.header_lines) return exchange_errors::too_large("head");
        if (lengths > 1 || codings > 1 || odd_coding || lengths + codings > 1) {
            return exchange_errors::lost("it does not say clearly where it ends");
        }
        status_ = static_cast<int>(parser_->get().result_int());
        // Taken now: a trailer's lines, which come later, are not the server's last word.
        for (const auto& field : parser_->get()) {
            headers_.add({field.name_string().data(), field.name_string().size()},
                         {field.value().data(), field.value().size()});
        }
        return std::nullopt;
    }

    std::string reason(const error_code& failed) const {
        if (watch_.fired()) return "the time was over";
        if (failed == boost::asio::error::eof) return "the server closed the connection";
        return failed.message();
    }

    Stream& stream_;
    const TransportLimits& limits_;
    const Watch& watch_;
    const bool head_only_;
    std::unique_ptr<char[]> bytes_;
    std::string pending_;  ///< came, but not understood yet
    std::optional<Parser> parser_;
    int status_ = 0;
    Headers headers_;
};

}  // namespace latchkey
