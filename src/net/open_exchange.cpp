#include "net/open_exchange.h"

#include <utility>

#include <boost/asio/this_coro.hpp>
#include <boost/beast/http/buffer_body.hpp>

#include <latchkey/secret.h>

#include "net/answer_reader.h"

namespace latchkey {
namespace {

using boost::system::error_code;
namespace http = boost::beast::http;

constexpr std::size_t piece_bytes = 64 * 1024;

class StreamAnswer final : public OpenAnswer {
public:
    StreamAnswer(std::unique_ptr<Stream> stream, Clock& clock, Executor on,
                 const TransportLimits& limits, GiveBack give_back)
        : stream_(std::move(stream)),
          watch_(clock, on),
          reader_(*stream_, limits, watch_, false),
          give_back_(std::move(give_back)) {}
    ~StreamAnswer() override {
        watch_.stop();
        if (stream_) stream_->reset();
    }

    Async<std::optional<Error>> read_head(Deadline by) {
        watch_.at(by.at, [this] { stream_->reset(); });
        auto wrong = co_await reader_.read_head(std::nullopt);
        watch_.stop();
        co_return wrong;
    }

    int status() const override { return reader_.status(); }
    const Headers& headers() const override { return reader_.headers(); }

    Task<std::string> read(Deadline by) override {
        std::string piece;
        if (!stream_) co_return piece;
        watch_.at(by.at, [this] { stream_->reset(); });
        auto read = co_await fill(piece);
        watch_.stop();
        if (!read) {
            stream_->reset();
            co_return read.error();
        }
        if (piece.empty()) {
            auto stream = std::move(stream_);
            if (reader_.reusable()) give_back_(std::move(stream));
        }
        co_return piece;
    }

private:
    /// At least a byte, unless the body has come to its end.
    Task<bool> fill(std::string& piece) {
        auto& parser = reader_.parser();
        piece.resize(piece_bytes);
        auto& body = parser.get().body();
        body.data = piece.data();
        body.size = piece.size();
        body.more = true;
        for (;;) {
            const bool garbled = reader_.parse(false).has_value();
            const std::size_t got = piece.size() - body.size;
            if (got > 0 || (parser.is_done() && !garbled)) {
                piece.resize(got);
                body.data = nullptr;
                body.size = 0;
                co_return true;
            }
            if (garbled) co_return cut();
            error_code failed;
            co_await reader_.read_some(failed);
            if (failed == boost::asio::error::eof) parser.put_eof(failed);
            if (failed) co_return cut();
        }
    }

    static Error cut() {
        return {Fault::try_later, "answer_cut",
                "The answer ended in the middle. Ask for it again."};
    }

    std::unique_ptr<Stream> stream_;
    Watch watch_;
    AnswerReader<http::buffer_body> reader_;
    GiveBack give_back_;
};

}  // namespace

Task<std::unique_ptr<OpenAnswer>> open_exchange(std::unique_ptr<Stream> stream, Clock& clock,
                                                const TransportLimits& limits, std::string head,
                                                std::shared_ptr<const std::string> body,
                                                GiveBack give_back, Deadline by) {
    const Executor on = co_await boost::asio::this_coro::executor;
    Stream& bytes = *stream;
    auto answer =
        std::make_unique<StreamAnswer>(std::move(stream), clock, on, limits, std::move(give_back));
    std::size_t handed = 0;
    std::size_t handed_of_body = 0;
    error_code failed;
    {
        Watch watch{clock, on};
        watch.at(by.at, [&bytes] { bytes.reset(); });
        if (watch.fired()) {
            wipe(head);
            co_return exchange_errors::not_sent("the caller's time was over");
        }
        co_await bytes.write(head, handed, failed);
        if (!failed && body && !body->empty()) {
            co_await bytes.write(*body, handed_of_body, failed);
        }
    }
    wipe(head);
    if (failed) {
        if (handed == 0) co_return exchange_errors::not_sent("the connection was lost");
        co_return exchange_errors::lost("the connection was lost while sending");
    }
    auto wrong = co_await answer->read_head(by);
    if (wrong) co_return std::move(*wrong);
    std::unique_ptr<OpenAnswer> opened = std::move(answer);
    co_return opened;
}

}  // namespace latchkey
