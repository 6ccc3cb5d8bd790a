#include "endpoint/token_endpoint.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "endpoint/content.h"
#include "endpoint/introspection.h"
#include "endpoint/secret_form.h"
#include "oauth/token_answer.h"
#include "salesforce/errors.h"

namespace latchkey {
namespace {

constexpr std::string_view token_path = "/services/oauth2/token";
constexpr std::string_view introspect_path = "/services/oauth2/introspect";
constexpr std::string_view revoke_path = "/services/oauth2/revoke";
constexpr std::string_view userinfo_path = "/services/oauth2/userinfo";

HttpRequest form_request(std::string target, std::string form) {
    HttpRequest request;
    request.method = "POST";
    request.target = std::move(target);
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.headers.add("Accept", "application/json");
    request.body = std::move(form);
    return request;
}

HttpRequest bearer_request(std::string target, const Secret& token) {
    HttpRequest request;
    request.method = "GET";
    request.target = std::move(target);
    request.headers.add("Authorization", "Bearer " + std::string{token.reveal()});
    request.headers.add("Accept", "application/json");
    return request;
}

/// Seconds alone: a date would need the clock of somebody else. From 1 s to 1 h.
std::optional<std::chrono::seconds> retry_after(const Headers& headers) {
    const auto value = headers.find("Retry-After");
    if (!value || value->empty()) return std::nullopt;
    const bool digits =
        std::all_of(value->begin(), value->end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return std::nullopt;
    std::int64_t seconds = 3600;
    const auto read = std::from_chars(value->data(), value->data() + value->size(), seconds);
    if (read.ec != std::errc{}) seconds = 3600;  // more digits than a number holds: very long
    return std::chrono::seconds{std::clamp<std::int64_t>(seconds, 1, 3600)};
}

RawAnswer raw_of(HttpResponse response) {
    RawAnswer raw;
    raw.status = response.status;
    raw.content_type = printable(response.headers.find("Content-Type").value_or(""), 128);
    raw.content_encoding = content_encoding(response.headers);
    raw.retry_after = retry_after(response.headers);
    raw.whole = response.whole;
    raw.body = Secret::take(std::move(response.body));
    return raw;
}

Error too_large() {
    return {Fault::outcome_unknown, "answer_too_large",
            "The answer is over 1 MiB, so it was not read. Check the login URL, and find out what "
            "became of the request before it is repeated."};
}

/// Whatever went wrong with a question that changes nothing: ask again.
Error ask_again(const Error& cause) {
    Error error{Fault::try_later, cause.code,
                "No clear answer came: " + cause.message + " The same call may work later.",
                cause.remote_text};
    error.retry_after = cause.retry_after;
    return error;
}

Error no_clear_answer(const RawAnswer& raw) {
    Error error{Fault::try_later, "no_clear_answer",
                "The server answered with status " + std::to_string(raw.status) +
                    ", which is no clear answer. The same call may work later."};
    error.retry_after = raw.retry_after;
    return error;
}

/// One request on a connection of its own. Every failure, also a cut answer, is try_later: what is
/// asked this way may be asked again.
Task<RawAnswer> ask(Transport& transport, Origin to, HttpRequest request, Deadline by) {
    auto line = co_await transport.dial(std::move(to), by);
    if (!line) co_return ask_again(line.error());
    auto response = co_await (*line)->send_once(std::move(request), by.at, by);
    if (!response) co_return ask_again(response.error());
    if (response->body.size() > answer_limit) co_return ask_again(too_large());
    RawAnswer raw = raw_of(std::move(*response));
    if (!raw.whole) co_return no_clear_answer(raw);
    auto body = decoded(raw.content_encoding, raw.body.reveal());
    if (!body) co_return ask_again(body.error());
    raw.body = std::move(*body);
    raw.content_encoding.clear();
    co_return raw;
}

/// Where an identity was asked for: what the answer says about it.
Result<salesforce::Profile> profile_of(const RawAnswer& raw) {
    const auto body = raw.body.reveal();
    if (raw.status == 200) return salesforce::read_profile(body);
    const auto verdict = salesforce::session_verdict(raw.status, raw.content_type, body);
    if (verdict == salesforce::SessionVerdict::dead) {
        return Error{Fault::reauthorize, "dead_session",
                     "Salesforce no longer accepts the access token. Take a newer one."};
    }
    const bool passing = raw.status >= 500 || raw.status == 429 || raw.status == 408;
    if (passing || raw.status < 400) return no_clear_answer(raw);
    const auto said = salesforce::rest_problem(raw.status, raw.content_type, body);
    return Error{
        Fault::bad_input, "invalid_identity_answer",
        "The identity service refused to say who this is. Check the scope id, the login URL "
        "and the user's permissions.",
        said.remote_text};
}

}  // namespace

TokenLine::TokenLine(std::unique_ptr<Line> line, Provider provider, salesforce::LoginBase login)
    : line_(std::move(line)), provider_(std::move(provider)), login_(std::move(login)) {}

Task<RawAnswer> TokenLine::exchange(oauth::CheckedCallback callback, Secret verifier,
                                    SteadyTime send_before, Deadline by) {
    SecretForm form;
    form.add("grant_type", "authorization_code");
    form.add("code", callback.code());
    form.add("redirect_uri", callback.redirect_uri());
    form.add("code_verifier", verifier);
    form.add_client(provider_);
    std::string text = form.take();
    auto answer = co_await post(std::move(text), send_before, by);
    co_return answer;
}

Task<RawAnswer> TokenLine::refresh(Secret refresh_token, SteadyTime send_before, Deadline by) {
    // No scope: the grant's scopes are fixed, and Salesforce refuses requests that repeat them.
    SecretForm form;
    form.add("grant_type", "refresh_token");
    form.add("refresh_token", refresh_token);
    form.add_client(provider_);
    std::string text = form.take();
    auto answer = co_await post(std::move(text), send_before, by);
    co_return answer;
}

Task<RawAnswer> TokenLine::post(std::string form, SteadyTime send_before, Deadline by) {
    HttpRequest request = form_request(login_.path + std::string{token_path}, std::move(form));
    auto response = co_await line_->send_once(std::move(request), send_before, by);
    if (!response) co_return response.error();
    if (response->body.size() > answer_limit) {
        wipe(response->body);
        co_return too_large();
    }
    co_return raw_of(std::move(*response));
}

TokenEndpoint::TokenEndpoint(Transport& transport, Clock& clock)
    : transport_(transport), clock_(clock) {}

Task<TokenLine> TokenEndpoint::connect(Provider provider, salesforce::LoginBase login,
                                       Deadline by) {
    auto line = co_await transport_.dial(login.origin, by);
    if (!line) co_return line.error();
    co_return TokenLine{std::move(*line), std::move(provider), std::move(login)};
}

Task<Introspection> TokenEndpoint::introspect(Provider provider, salesforce::LoginBase login,
                                              Secret token, Deadline by) {
    SecretForm form;
    form.add("token", token);
    form.add("token_type_hint", "refresh_token");
    form.add_client(provider);
    HttpRequest request = form_request(login.path + std::string{introspect_path}, form.take());
    auto raw = co_await ask(transport_, login.origin, std::move(request), by);
    if (!raw) co_return raw.error();
    if (raw->status == 200) {
        auto said = read_introspection(raw->body.reveal());
        if (said) co_return *said;
        co_return no_clear_answer(*raw);
    }
    if (refuses_introspection(raw->status, raw->body.reveal())) {
        co_return Error{Fault::misconfigured, "introspection_refused",
                        "This client may not ask whether its tokens are alive. Allow introspection "
                        "for the app, or choose the policy for uncertain rotations."};
    }
    co_return no_clear_answer(*raw);
}

Task<void> TokenEndpoint::revoke(Provider provider, salesforce::LoginBase login, Secret token,
                                 Deadline by) {
    // Salesforce wants no proof of the client here; servers that follow RFC 7009 do.
    SecretForm form;
    form.add("token", token);
    form.add_client(provider);
    HttpRequest request = form_request(login.path + std::string{revoke_path}, form.take());
    auto raw = co_await ask(transport_, login.origin, std::move(request), by);
    if (!raw) co_return raw.error();
    if (raw->status == 200) co_return Result<void>{};
    // Salesforce answers 400 for a token that is gone already. Its description may repeat the
    // token, so no word of it goes any further.
    const auto said = oauth::read_oauth_error(raw->body.reveal());
    if (raw->status == 400 && said.error == "invalid_token") co_return Result<void>{};
    co_return no_clear_answer(*raw);
}

Task<salesforce::Profile> TokenEndpoint::profile(salesforce::LoginBase login, Origin instance,
                                                 salesforce::Identity who, Secret access_token,
                                                 Deadline by) {
    std::string target = "/id/" + who.org_id + "/" + who.user_id;
    Origin to = instance;
    if (login.origin.loopback()) {
        to = login.origin;
        target = login.path + target;
    } else {
        auto checked = salesforce::check_instance(instance.text(), login);
        if (!checked) co_return checked.error();
    }
    HttpRequest request = bearer_request(std::move(target), access_token);
    auto raw = co_await ask(transport_, std::move(to), std::move(request), by);
    if (!raw) co_return raw.error();
    auto profile = profile_of(*raw);
    if (profile && (profile->org_id != who.org_id || profile->user_id != who.user_id)) {
        co_return Error{Fault::bad_input, "invalid_identity_answer",
                        "The identity service spoke of another user than it was asked about. Check "
                        "who answers at the instance URL."};
    }
    co_return profile;
}

Task<salesforce::Profile> TokenEndpoint::userinfo(salesforce::LoginBase login, Secret access_token,
                                                  Deadline by) {
    HttpRequest request = bearer_request(login.path + std::string{userinfo_path}, access_token);
    auto raw = co_await ask(transport_, login.origin, std::move(request), by);
    if (!raw) co_return raw.error();
    co_return profile_of(*raw);
}

}  // namespace latchkey
