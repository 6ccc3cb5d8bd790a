#include "gateway/gateway.h"

#include <utility>

#include "gateway/header_rules.h"
#include "gateway/path_rules.h"
#include "gateway/replay.h"

namespace latchkey {
namespace {

/// One request with one token. `call` is copied into the request, so that it can be sent again.
Task<ApiAnswer> send_with(Transport& transport, const ApiCall& call, const AccessToken& token,
                          Deadline by) {
    auto instance = instance_of(token);
    if (!instance) co_return instance.error();
    auto headers = headers_up(call.headers, token.token);
    if (!headers) co_return headers.error();
    if (wants_session_line(call.target)) {
        headers->add("X-SFDC-Session", std::string{token.token.reveal()});
    }
    HttpRequest request{call.method, call.target, std::move(*headers), call.body};
    auto response = co_await transport.send(*instance, std::move(request), by);
    if (!response) co_return call_failed(response.error());
    if (!response->whole) co_return answer_cut();

    ApiAnswer answer;
    answer.response = std::move(*response);
    answer.response.headers = headers_down(answer.response.headers, *instance);
    answer.generation = token.generation;
    co_return answer;
}

}  // namespace

Gateway::Gateway(TokenSource& tokens, Transport& transport, Clock& clock, Log& log,
                 OrgBudgets* budgets)
    : tokens_(tokens), transport_(transport), clock_(clock), log_(log), budgets_(budgets) {}

void Gateway::learn(const AccessToken& token, const Result<ApiAnswer>& answer) {
    if (budgets_ == nullptr || !answer) return;
    const auto info = answer->response.headers.find(limit_info_line);
    if (info) budgets_->of(org_of(token))->learn(*info, clock_);
}

Task<ApiAnswer> Gateway::send(ApiCall call, Deadline by) {
    auto method = check_method(call.method);
    if (!method) co_return method.error();
    auto target = check_target(call.target);
    if (!target) co_return target.error();

    TokenDemand any;
    auto token = co_await tokens_.token(call.connection, any, by);
    if (!token) co_return token.error();
    auto answer = co_await send_with(transport_, call, *token, by);
    learn(*token, answer);
    if (!answer || !wants_newer_token(answer->response)) co_return answer;
    if (by.passed(clock_.steady())) co_return answer;

    // The session is dead, so the call was not done. Whoever else met the same refusal demands the
    // same generation, and all of them together cause one refresh.
    TokenDemand newer = TokenDemand::newer(token->generation);
    auto next = co_await tokens_.token(call.connection, newer, by);
    if (!next && keeps_first_answer(next.error())) co_return answer;
    if (!next) co_return next.error();
    if (next->generation <= token->generation) co_return answer;

    log_.write(Level::info, "call_repeated",
               {{"connection", call.connection.text}, {"generation", next->generation.value}});
    // Once and no more: a refusal of the newest token is the caller's to read.
    auto second = co_await send_with(transport_, call, *next, by);
    learn(*next, second);
    co_return second;
}

}  // namespace latchkey
