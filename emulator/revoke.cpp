#include <algorithm>

#include <boost/json/object.hpp>

#include "emulator/answers.h"
#include "emulator/endpoints.h"
#include "emulator/tokens.h"

namespace latchkey::emulator {
namespace {

constexpr std::size_t longest_callback = 64;

/// A script may be called by this name without becoming another script.
bool is_function_name(std::string_view name) {
    return !name.empty() && name.size() <= longest_callback &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '$' || c == '.';
           });
}

Reply script(std::string body) {
    Reply reply = text_reply(200, std::move(body));
    reply.headers.set("Content-Type", "application/javascript;charset=UTF-8");
    return reply;
}

Reply revoke_error(const World& world, const Visit& visit, const FormFields& form,
                   std::string_view error, std::string_view text) {
    RevokeErrors encoding = RevokeErrors::by_accept;
    // The caller need not say who it is; without a name the built-in client's setting counts.
    const std::string named = value_of(form, "client_id");
    if (const Client* client = world.clients.find(named.empty() ? "latchkey-demo" : named)) {
        encoding = client->revoke_error_encoding;
    }
    const auto accept = visit.request.headers.find("Accept");
    const bool wants_json = accept && ascii_lower(*accept).find("json") != std::string::npos;
    if (encoding == RevokeErrors::json || (encoding == RevokeErrors::by_accept && wants_json)) {
        return oauth_error(400, error, text);
    }
    Reply reply = page_error(error, text);
    reply.headers.set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8");
    return reply;
}

/// Ends what `token` stands for. False if it stands for nothing that lives.
bool end_token(World& world, const Visit& visit, const std::string& token) {
    const auto found = world.grants.find_refresh(token);
    if (found.standing == Grants::Standing::current) return end_grant(world, *found.grant);
    const Session* session = world.grants.session(token, visit.now);
    if (session == nullptr) return false;
    Grant* grant = world.grants.find(session->grant);
    world.grants.end_session(token);
    // Without a refresh token nothing of the approval is left with its last session.
    if (grant != nullptr && grant->refresh_token.empty() && grant->sessions.empty()) {
        end_grant(world, *grant);
    }
    return true;
}

boost::json::object inactive() {
    return {{"active", false}};
}

boost::json::object active_token(const World& world, const Visit& visit, const Grant& grant,
                                 std::string_view type, std::string_view origin,
                                 WallTime issued_at) {
    const User* user = world.people.by_id(grant.user_id);
    const auto issued = issued_at.time_since_epoch().count();
    boost::json::object out;
    out["active"] = true;
    out["scope"] = grant.scope_text();
    out["client_id"] = grant.client_id;
    out["username"] = user == nullptr ? "" : user->username;
    out["sub"] = identity_url(origin.empty() ? visit.origin : origin, world, grant.user_id);
    out["token_type"] = type;
    out["iat"] = issued;
    out["nbf"] = issued;
    return out;
}

}  // namespace

Reply revoke(World& world, const Visit& visit) {
    if (visit.request.method != "GET" && !visit.posted()) {
        return oauth_error(400, "invalid_request", "must use HTTP POST");
    }
    const auto form = visit.posted() ? form_of(visit.request) : parse_form(visit.request.query);
    if (!form) return revoke_error(world, visit, {}, "invalid_request", "malformed request");
    const std::string token = value_of(*form, "token");
    const std::string hint = value_of(*form, "token_type_hint");
    const bool known_hint = hint.empty() || hint == "access_token" || hint == "refresh_token";
    const bool ended = known_hint && end_token(world, visit, token);
    const std::string_view error = known_hint ? "invalid_token" : "unsupported_token_type";

    if (!visit.posted() && count(*form, "callback") > 0) {
        const std::string callback = value_of(*form, "callback");
        if (!is_function_name(callback)) {
            return revoke_error(world, visit, *form, "invalid_request", "invalid callback");
        }
        return script(callback +
                      (ended ? "({});" : "({\"error\":\"" + std::string{error} + "\"});"));
    }
    if (ended) return text_reply(200, "");
    return revoke_error(world, visit, *form, error,
                        known_hint ? "invalid token" : "this token type is not supported");
}

Reply introspect(World& world, const Visit& visit) {
    if (!visit.posted()) return oauth_error(400, "invalid_request", "must use HTTP POST");
    const auto form = form_of(visit.request);
    if (!form) return oauth_error(400, "invalid_request", "request body is not a form");
    const auto check = check_client(world, visit, *form,
                                    [](const Client& client) { return !client.secret.empty(); });
    if (check.refusal) return refuse(check);
    const Client& client = *check.client;
    const std::string token = value_of(*form, "token");
    if (token.empty()) return oauth_error(400, "invalid_request", "token not provided");

    if (const Session* session = world.grants.session(token, visit.now)) {
        const Grant* grant = world.grants.find(session->grant);
        if (grant == nullptr || grant->client_id != client.client_id) {
            return json_answer(200, inactive());
        }
        auto out =
            active_token(world, visit, *grant, "access_token", session->origin, session->issued_at);
        out["exp"] = session->expires_at().time_since_epoch().count();
        return json_answer(200, out);
    }
    const auto found = world.grants.find_refresh(token);
    if (found.standing != Grants::Standing::current || found.grant->client_id != client.client_id) {
        return json_answer(200, inactive());
    }
    const auto ends = refresh_expiry(*found.grant, client.effective_policy());
    if (ends && visit.now >= *ends) return json_answer(200, inactive());
    auto out =
        active_token(world, visit, *found.grant, "refresh_token", "", found.grant->approved_at);
    if (ends) out["exp"] = ends->time_since_epoch().count();
    return json_answer(200, out);
}

}  // namespace latchkey::emulator
