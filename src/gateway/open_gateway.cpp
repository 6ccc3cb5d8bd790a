#include "gateway/open_gateway.h"

#include <utility>

#include "gateway/header_rules.h"
#include "gateway/path_rules.h"
#include "gateway/replay.h"

namespace latchkey {
namespace {

constexpr std::size_t most_refusal_bytes = 64 * 1024;

/// A short answer that was read to find out what it means.
class HeldAnswer final : public OpenAnswer {
public:
    HeldAnswer(int status, Headers headers, std::string body)
        : status_(status), headers_(std::move(headers)), body_(std::move(body)) {}
    int status() const override { return status_; }
    const Headers& headers() const override { return headers_; }
    Task<std::string> read(Deadline) override { co_return std::exchange(body_, {}); }

private:
    int status_;
    Headers headers_;
    std::string body_;
};

struct Attempt {
    std::unique_ptr<OpenAnswer> answer;
    std::optional<Origin> instance;
    bool dead_session = false;
    Attempt() = default;
};

Task<Attempt> attempt(OpenTransport& transport, ApiCall call, AccessToken token,
                      std::shared_ptr<const std::string> body, Deadline by) {
    auto instance = instance_of(token);
    if (!instance) co_return instance.error();
    auto headers = headers_up(call.headers, token.token);
    if (!headers) co_return headers.error();
    HttpRequest request{call.method, call.target, std::move(*headers)};
    auto opened = co_await transport.open(*instance, std::move(request), std::move(body), by);
    if (!opened) co_return call_failed(opened.error());
    Attempt done;
    done.instance = std::move(*instance);
    done.answer = std::move(*opened);
    if (!may_mean_dead_session(done.answer->status())) co_return done;

    std::string held;
    while (held.size() < most_refusal_bytes) {
        auto piece = co_await done.answer->read(by);
        if (!piece) co_return answer_cut();
        if (piece->empty()) break;
        held += *piece;
    }
    const int status = done.answer->status();
    Headers theirs = done.answer->headers();
    done.dead_session = means_dead_session(status, theirs.find("Content-Type").value_or(""), held);
    done.answer = std::make_unique<HeldAnswer>(status, std::move(theirs), std::move(held));
    co_return done;
}

OpenedCall opened_call(Attempt attempt) {
    OpenedCall opened;
    opened.status = attempt.answer->status();
    opened.headers = headers_down(attempt.answer->headers(), *attempt.instance);
    opened.body = std::move(attempt.answer);
    return opened;
}

}  // namespace

OpenGateway::OpenGateway(TokenSource& tokens, OpenTransport& transport, Clock& clock, Log& log)
    : tokens_(tokens), transport_(transport), clock_(clock), log_(log) {}

Task<OpenedCall> OpenGateway::open(ApiCall call, std::shared_ptr<const std::string> body,
                                   Deadline by) {
    auto method = check_method(call.method);
    if (!method) co_return method.error();
    auto target = check_target(call.target);
    if (!target) co_return target.error();

    TokenDemand any;
    auto token = co_await tokens_.token(call.connection, any, by);
    if (!token) co_return token.error();
    auto first = co_await attempt(transport_, call, *token, body, by);
    if (!first) co_return first.error();
    if (!first->dead_session || by.passed(clock_.steady())) {
        co_return opened_call(std::move(*first));
    }

    // The order and its reasons are those of Gateway::send.
    TokenDemand newer = TokenDemand::newer(token->generation);
    auto next = co_await tokens_.token(call.connection, newer, by);
    if (!next && keeps_first_answer(next.error())) co_return opened_call(std::move(*first));
    if (!next) co_return next.error();
    if (next->generation <= token->generation) co_return opened_call(std::move(*first));
    log_.write(Level::info, "call_repeated",
               {{"connection", call.connection.text}, {"generation", next->generation.value}});
    auto second = co_await attempt(transport_, call, *next, std::move(body), by);
    if (!second) co_return second.error();
    co_return opened_call(std::move(*second));
}

}  // namespace latchkey
