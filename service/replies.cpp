#include "service/replies.h"

#include <boost/json.hpp>

#include "base/text.h"

namespace latchkey::service {
namespace {

Headers our_headers(const char* content_type) {
    return Headers{{"Content-Type", content_type},
                   {"Cache-Control", "no-store"},
                   {"X-Content-Type-Options", "nosniff"},
                   {"Latchkey-Answer", "gateway"}};
}

}  // namespace

int status_of(const Error& error) {
    if (error.code == "invalid_api_key" || error.code == "invalid_session") return 401;
    if (error.code == "link_expired" || error.code == "link_used") return 410;
    if (error.code == "method_not_allowed") return 405;
    if (error.code == "upstream_timeout") return 504;
    if (error.code == "rate_limited" || error.code == "too_many_flows" ||
        error.code == "too_many_sessions" || error.code == "too_many_connect_sessions" ||
        error.code == "too_many_calls" || error.code == "daily_limit_reserved")
        return 429;
    switch (error.fault) {
        case Fault::bad_input:
            return 400;
        case Fault::denied:
            return 403;
        case Fault::not_found:
            return 404;
        case Fault::conflict:
        case Fault::reauthorize:
            return 409;
        case Fault::try_later:
            return 503;
        case Fault::outcome_unknown:
        case Fault::misconfigured:
            return 502;
        case Fault::internal:
            return 500;
    }
    return 500;
}

Reply json_text_reply(int status, std::string body) {
    return Reply{status, our_headers("application/json"), std::move(body)};
}

Reply json_reply(int status, const boost::json::value& body) {
    return json_text_reply(status, boost::json::serialize(body) + "\n");
}

namespace {

Reply with_advice(Reply reply, const Error& error) {
    if (error.retry_after)
        reply.headers.add("Retry-After", std::to_string(error.retry_after->count()));
    else if (reply.status == 503)
        reply.headers.add("Retry-After", "2");
    if (reply.status == 401) reply.headers.add("WWW-Authenticate", "Bearer realm=\"latchkey\"");
    return reply;
}

}  // namespace

Reply error_reply(const Error& error, const std::string& request_id) {
    auto reply =
        json_reply(status_of(error),
                   {{"error", error.code}, {"message", error.message}, {"request_id", request_id}});
    return with_advice(std::move(reply), error);
}

Reply sdk_error_reply(const Error& error) {
    std::string code = "INVALID_SESSION_ID";
    if (error.code != "invalid_session") {
        code = error.code;
        for (auto& c : code)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    }
    boost::json::array list;
    list.emplace_back(boost::json::object{{"message", error.message}, {"errorCode", code}});
    return with_advice(json_reply(status_of(error), list), error);
}

Reply no_such_route(const std::string& request_id) {
    return error_reply({Fault::not_found, "no_such_route",
                        "This listener has no such path; /openapi.json lists what there is."},
                       request_id);
}

Reply method_not_allowed(std::string_view allowed, const std::string& request_id) {
    auto reply = error_reply(
        {Fault::bad_input, "method_not_allowed", "This path takes " + std::string{allowed} + "."},
        request_id);
    reply.headers.add("Allow", std::string{allowed});
    return reply;
}

boost::json::object to_json(const Connection& c) {
    boost::json::object out{{"id", c.id.text},
                            {"end_user", c.end_user},
                            {"provider", c.provider.text},
                            {"standing", name(c.standing)}};
    if (!c.reason.empty()) out["reason"] = c.reason;
    out["org_id"] = c.org_id;
    out["user_id"] = c.user_id;
    if (!c.username.empty()) out["username"] = c.username;
    out["instance_url"] = c.instance_url;
    out["scopes"] = boost::json::array(c.scopes.begin(), c.scopes.end());
    out["generation"] = c.generation.value;
    out["connected_at"] = rfc3339(c.connected_at);
    if (c.refreshed_at) out["refreshed_at"] = rfc3339(*c.refreshed_at);
    return out;
}

boost::json::object to_json(const ApiKey& key) {
    boost::json::array permissions;
    for (const auto permission : key.permissions) permissions.emplace_back(name(permission));
    boost::json::object out{{"id", key.id.text},
                            {"label", key.label},
                            {"permissions", permissions},
                            {"rules", boost::json::array{}},
                            {"limits", boost::json::object{}},
                            {"priority", name(key.rules.priority)},
                            {"created_at", rfc3339(key.created_at)}};
    for (const auto& rule : key.rules.paths) out["rules"].get_array().emplace_back(rule.text());
    auto& limits = out["limits"].get_object();
    const auto& given = key.rules.limits;
    if (given.rate > 0) limits["rate"] = given.rate;
    if (given.burst > 0) limits["burst"] = given.burst;
    if (given.concurrency > 0) limits["concurrency"] = given.concurrency;
    if (key.revoked_at) out["revoked_at"] = rfc3339(*key.revoked_at);
    return out;
}

boost::json::object to_json(const AccessToken& token) {
    boost::json::object out{{"access_token", token.token.reveal()},
                            {"instance_url", token.instance_url},
                            {"generation", token.generation.value}};
    if (token.expires_at) out["expires_at"] = rfc3339(*token.expires_at);
    return out;
}

boost::json::object to_json(const GatewaySession& session) {
    return {{"id", session.id.text},
            {"kind", session.renews ? "refresh" : "session"},
            {"connection_id", session.connection.text},
            {"api_key", session.key.text},
            {"created_at", rfc3339(session.created_at)},
            {"expires_at", rfc3339(session.expires_at)}};
}

}  // namespace latchkey::service
