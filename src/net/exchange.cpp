#include "net/exchange.h"

#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/http/string_body.hpp>

#include <latchkey/secret.h>

#include "base/text.h"
#include "base/watch.h"
#include "net/answer_reader.h"
#include "net/http_syntax.h"

namespace latchkey {

namespace {

using boost::system::error_code;

bool is_ours(std::string_view name) {
    return is_framing(name) || ascii_iequal(name, "Host") || ascii_iequal(name, "Expect") ||
           ascii_iequal(name, "Upgrade");
}

bool implies_body(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

/// Reads the whole answer of one request. Lives as long as one exchange.
class WholeAnswerReader {
public:
    WholeAnswerReader(Stream& stream, Clock& clock, Executor on, const TransportLimits& limits,
                      bool head_only)
        : stream_(stream),
          clock_(clock),
          limits_(limits),
          watch_(clock, on),
          reader_(stream, limits, watch_, head_only) {}

    Task<Answer> read(Deadline by) {
        watch_.at(by.sooner(clock_.steady() + limits_.head).at, [this] { stream_.reset(); });
        auto unreadable = co_await reader_.read_head(limits_.body_bytes);
        if (unreadable) co_return std::move(*unreadable);
        watch_.at(by.at, [this] { stream_.reset(); });
        co_return co_await read_body();
    }

private:
    Task<Answer> read_body() {
        bool whole = true;
        while (!reader_.parser().is_done()) {
            if (auto wrong = reader_.parse(false)) {
                // What is not a chunk ends a body like a cut does; a large one has its own name.
                if (wrong->code == "answer_too_large") co_return std::move(*wrong);
                whole = false;
                break;
            }
            if (reader_.parser().is_done()) break;
            error_code failed;
            co_await reader_.read_some(failed);
            if (failed == boost::asio::error::eof) reader_.parser().put_eof(failed);
            if (failed) {
                whole = false;
                break;
            }
        }
        watch_.stop();
        Answer answer;
        answer.reusable = whole && reader_.reusable();
        if (!whole) stream_.reset();
        answer.response.status = reader_.status();
        answer.response.headers = reader_.headers();
        answer.response.whole = whole;
        answer.response.body = std::move(reader_.parser().get().body());
        co_return answer;
    }

    Stream& stream_;
    Clock& clock_;
    const TransportLimits& limits_;
    Watch watch_;
    AnswerReader<boost::beast::http::string_body> reader_;
};

}  // namespace

Result<std::string> print_head(const Origin& to, const HttpRequest& request, std::size_t body_bytes,
                               bool close) {
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
    if (body_bytes != 0 || implies_body(request.method)) {
        out.append("Content-Length: ").append(std::to_string(body_bytes)).append("\r\n");
    }
    if (close) out.append("Connection: close\r\n");
    out.append("\r\n");
    return out;
}

Result<std::string> print_request(const Origin& to, const HttpRequest& request, bool close) {
    auto out = print_head(to, request, request.body.size(), close);
    if (out) out->append(request.body);
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
            co_return exchange_errors::not_sent("the caller's time was over");
        }
        // The last look at the clock: nothing that waits comes between it and the write.
        if (clock.steady() >= send_before) {
            stream.reset();
            wipe(request);
            co_return exchange_errors::not_sent("the moment to send it had passed");
        }
        co_await stream.write(request, handed, failed);
    }
    wipe(request);
    if (failed) {
        stream.reset();
        if (handed == 0) co_return exchange_errors::not_sent("the connection was lost");
        co_return exchange_errors::lost("the connection was lost while sending");
    }
    WholeAnswerReader reader{stream, clock, on, limits, head_only};
    auto answer = co_await reader.read(by);
    if (!answer) stream.reset();
    co_return answer;
}

}  // namespace latchkey
