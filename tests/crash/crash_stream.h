#pragma once

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include "base/stops.h"
#include "net/stream.h"

namespace latchkey::test {

/// A connection with the crash points that lie inside writing a token request and reading its
/// answer. It reads in small pieces, so that the moments in between exist.
class StoppingStream final : public Stream {
public:
    StoppingStream(std::unique_ptr<Stream> inner, Stops& stops)
        : inner_(std::move(inner)), stops_(stops) {}

    Async<void> write(std::string_view bytes, std::size_t& handed,
                      boost::system::error_code& failed) override {
        watched_ = bytes.starts_with("POST /services/oauth2/token");
        if (!watched_) {
            co_await inner_->write(bytes, handed, failed);
            co_return;
        }
        const auto half = bytes.size() / 2;
        std::size_t first = 0;
        std::size_t second = 0;
        co_await inner_->write(bytes.substr(0, half), first, failed);
        stops_.reached("CP8");
        if (!failed) co_await inner_->write(bytes.substr(half), second, failed);
        handed = first + second;
        stops_.reached("CP9");
    }

    Async<std::size_t> read_some(std::span<char> into, boost::system::error_code& failed) override {
        const auto piece = watched_ ? into.first(std::min<std::size_t>(into.size(), 16)) : into;
        const auto count = co_await inner_->read_some(piece, failed);
        if (watched_) {
            seen_.append(piece.data(), count);
            look();
        }
        co_return count;
    }

    Async<void> close() override { return inner_->close(); }
    void reset() noexcept override { inner_->reset(); }
    bool stale() override { return inner_->stale(); }
    std::string peer() const override { return inner_->peer(); }

private:
    void look() {
        const auto line = seen_.find("\r\n");
        if (line == std::string::npos) return;
        stops_.reached("CP10");
        if (seen_.find("\r\n", line + 2) != std::string::npos) stops_.reached("CP11");
        const auto head = seen_.find("\r\n\r\n");
        if (head == std::string::npos) return;
        const std::string mark = "Content-Length: ";
        const auto said = seen_.find(mark);
        std::size_t length = 0;
        if (said < head)
            std::from_chars(seen_.data() + said + mark.size(), seen_.data() + head, length);
        const auto body = seen_.size() - head - 4;
        if (2 * body >= length && body < length) stops_.reached("CP12");
    }

    std::unique_ptr<Stream> inner_;
    Stops& stops_;
    bool watched_ = false;
    std::string seen_;
};

}  // namespace latchkey::test
