#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/transport.h"

namespace latchkey::test {

/// A Transport without sockets: it gives the answers of a script, in order, and records what was
/// sent. A request that the script does not foresee gets an internal error, so a test that asks
/// once too often fails. Used from one thread.
class ScriptedTransport final : public Transport {
public:
    struct Seen {
        Origin to;
        HttpRequest request;
        std::optional<SteadyTime> send_before;  ///< of a Line; absent where `send` was used
        Seen(Origin origin, HttpRequest sent, std::optional<SteadyTime> before)
            : to(std::move(origin)), request(std::move(sent)), send_before(before) {}
    };

    void answer(int status, std::string body = {}, Headers headers = {}) {
        steps_.push_back(HttpResponse{status, std::move(headers), std::move(body)});
    }
    /// The connection ends inside the body; `body` is what came of it.
    void cut(int status, std::string body, Headers headers = {}) {
        HttpResponse response{status, std::move(headers), std::move(body)};
        response.whole = false;
        steps_.push_back(std::move(response));
    }
    void not_sent() { fail(Error{Fault::try_later, "not_sent", "Nothing was sent."}); }
    void answer_lost() {
        fail(Error{Fault::outcome_unknown, "answer_lost", "The answer was lost."});
    }
    void fail(Error error) { steps_.push_back(std::move(error)); }
    /// The next connection cannot be made; the script's answers stay for later ones.
    void refuse_dial(Error error) { dials_.push_back(std::move(error)); }

    const std::vector<Seen>& seen() const { return seen_; }
    int dialled() const { return dialled_; }

    Task<std::unique_ptr<Line>> dial(Origin to, Deadline) override {
        ++dialled_;
        if (!dials_.empty()) {
            Error refused = std::move(dials_.front());
            dials_.pop_front();
            co_return refused;
        }
        std::unique_ptr<Line> line = std::make_unique<ScriptedLine>(*this, std::move(to));
        co_return line;
    }
    Task<HttpResponse> send(Origin to, HttpRequest request, Deadline) override {
        co_return next(std::move(to), std::move(request), std::nullopt);
    }

private:
    class ScriptedLine final : public Line {
    public:
        ScriptedLine(ScriptedTransport& script, Origin to) : script_(script), to_(std::move(to)) {}
        Task<HttpResponse> send_once(HttpRequest request, SteadyTime send_before,
                                     Deadline) override {
            if (std::exchange(used_, true)) {
                co_return Error{Fault::internal, "line_used_twice", "A line is for one request."};
            }
            co_return script_.next(to_, std::move(request), send_before);
        }

    private:
        ScriptedTransport& script_;
        Origin to_;
        bool used_ = false;
    };

    Result<HttpResponse> next(Origin to, HttpRequest request, std::optional<SteadyTime> before) {
        seen_.emplace_back(std::move(to), std::move(request), before);
        if (steps_.empty()) {
            return Error{Fault::internal, "not_in_script", "The script has no answer left."};
        }
        auto step = std::move(steps_.front());
        steps_.pop_front();
        return step;
    }

    std::deque<Result<HttpResponse>> steps_;
    std::deque<Error> dials_;
    std::vector<Seen> seen_;
    int dialled_ = 0;
};

}  // namespace latchkey::test
