#include <boost/json.hpp>

#include "base/text.h"
#include "facade/budget_desk.h"
#include "facade/key_desk.h"
#include "service/replies.h"
#include "service/requests.h"
#include "service/root_paths.h"
#include "service/server.h"

// What Salesforce's SDKs ask of the instance URL beside the API itself: tokens and who the user is.
// All of it is answered here, from the connection's row, so that no SDK brings the gateway's token to
// Salesforce, and none is shown Salesforce's. docs/decisions/0026-gateway-sessions.md says why.
namespace latchkey::service {
namespace {

/// RFC 6749 section 5.2.
Reply oauth_error(int status, const char* code, std::string description) {
    auto reply =
        json_reply(status, {{"error", code}, {"error_description", std::move(description)}});
    reply.headers.add("Pragma", "no-cache");
    return reply;
}

/// Salesforce's own words for a session that is no good here.
Reply bad_oauth_token() {
    return Reply{403,
                 Headers{{"Content-Type", "text/plain; charset=utf-8"},
                         {"Cache-Control", "no-store"},
                         {"X-Content-Type-Options", "nosniff"},
                         {"Latchkey-Answer", "gateway"}},
                 "Bad_OAuth_Token"};
}

Reply identity_error(const Error& error) {
    return error.code == "invalid_session" ? bad_oauth_token() : sdk_error_reply(error);
}

Reply sdk_method_not_allowed(const char* allowed) {
    auto reply = sdk_error_reply(
        {Fault::bad_input, "method_not_allowed", std::string{"This path takes "} + allowed + "."});
    reply.headers.add("Allow", allowed);
    return reply;
}

Result<FormFields> read_form(const ServedRequest& request) {
    const auto type = request.headers.find("Content-Type");
    const auto kind =
        type ? std::string_view{*type}.substr(0, type->find(';')) : std::string_view{};
    auto fields = parse_form(request.body);
    if (!fields || !ascii_iequal(kind, "application/x-www-form-urlencoded"))
        return Error{Fault::bad_input, "invalid_request",
                     "Send the fields as application/x-www-form-urlencoded."};
    return std::move(*fields);
}

std::string identity_url(const std::string& origin, const Connection& connection) {
    return origin + "/id/" + connection.org_id + "/" + connection.user_id;
}

/// The REST places that an SDK may look up, all of them on this origin.
boost::json::object urls(const std::string& origin) {
    const auto data = origin + "/services/data/v{version}/";
    return {{"rest", data},
            {"sobjects", data + "sobjects/"},
            {"query", data + "query/"},
            {"search", data + "search/"},
            {"recent", data + "recent/"},
            {"feeds", data + "chatter/feeds"},
            {"feed_items", data + "chatter/feed-items"},
            {"groups", data + "chatter/groups"},
            {"users", data + "chatter/users"},
            {"tooling_rest", data + "tooling/"}};
}

/// Whose oauth_token stands in the query: an SDK repeats its Bearer there, and nothing else may.
Result<void> check_query(std::string_view query, std::string_view token) {
    const auto fields = parse_form(query);
    if (!fields) return key_in_query();
    for (const auto& [name, value] : *fields) {
        const bool same = name == "oauth_token" && value == token;
        if (!same && has_key(name)) return key_in_query();
    }
    return {};
}

std::string_view session_token(const ServedRequest& request) {
    SessionLines lines;
    for (const auto& line : request.headers) lines.see(line.name, line.value);
    const auto token = lines.token();
    return token ? *token : std::string_view{};
}

}  // namespace

/// The connection of the gateway session that a request shows.
Task<Connection> Server::session_connection(std::shared_ptr<Context> c) {
    const auto token = session_token(c->request);
    if (token.empty()) co_return invalid_session();
    const auto query = check_query(c->request.query, token);
    if (!query) co_return query.error();
    SessionDesk sessions{*library_};
    Secret presented{token};
    auto session = co_await sessions.check(std::move(presented), patience());
    if (!session) co_return session.error();
    auto connection = co_await library_->async_connection(session->connection, patience());
    co_return connection;
}

/// POST /services/oauth2/token: a new session for a gateway refresh token. Whatever client id an SDK
/// sends says nothing here; the refresh token alone counts.
Async<Reply> Server::token_route(std::shared_ptr<Context> c) {
    if (c->request.method != "POST") co_return sdk_method_not_allowed("POST");
    if (!c->request.query.empty())
        co_return oauth_error(400, "invalid_request", "Send the fields in the body.");
    auto fields = read_form(c->request);
    if (!fields) co_return oauth_error(400, "invalid_request", fields.error().message);
    if (only(*fields, "grant_type") != "refresh_token")
        co_return oauth_error(400, "unsupported_grant_type",
                              "The gateway takes its own refresh tokens alone: grant_type "
                              "refresh_token. Users are connected by the app.");
    auto given = only(*fields, "refresh_token");
    if (!given) co_return oauth_error(400, "invalid_request", "Send one refresh_token.");
    SessionDesk sessions{*library_};
    auto presented = Secret::take(std::move(*given));
    auto opened = co_await sessions.renew(std::move(presented), patience());
    if (!opened && opened.error().code == "invalid_session")
        co_return oauth_error(400, "invalid_grant", "The gateway refresh token is not valid.");
    if (!opened) co_return error_reply(opened.error(), c->request_id);
    auto connection = co_await library_->async_connection(opened->session.connection, patience());
    if (!connection) co_return error_reply(connection.error(), c->request_id);
    std::string scope;
    for (const auto& one : connection->scopes) scope += (scope.empty() ? "" : " ") + one;
    const auto issued = opened->session.created_at.time_since_epoch().count();
    const auto lasts = opened->session.expires_at - opened->session.created_at;
    auto reply = json_reply(200, {{"access_token", opened->access_token.reveal()},
                                  {"token_type", "Bearer"},
                                  {"instance_url", public_origin()},
                                  {"id", identity_url(public_origin(), *connection)},
                                  {"issued_at", std::to_string(issued) + "000"},
                                  {"expires_in", lasts.count()},
                                  {"scope", scope}});
    reply.headers.add("Pragma", "no-cache");
    co_return reply;
}

/// GET or POST /services/oauth2/userinfo.
Async<Reply> Server::userinfo_route(std::shared_ptr<Context> c) {
    if (c->request.method != "GET" && c->request.method != "POST")
        co_return sdk_method_not_allowed("GET, POST");
    auto connection = co_await session_connection(c);
    if (!connection) co_return identity_error(connection.error());
    boost::json::object body{{"sub", identity_url(public_origin(), *connection)},
                             {"user_id", connection->user_id},
                             {"organization_id", connection->org_id},
                             {"active", true}};
    if (!connection->username.empty()) {
        body["preferred_username"] = connection->username;
        body["name"] = connection->username;
    }
    body["urls"] = urls(public_origin());
    co_return json_reply(200, body);
}

/// GET /id/ORG/USER.
Async<Reply> Server::identity_route(std::shared_ptr<Context> c) {
    if (c->request.method != "GET" && c->request.method != "HEAD")
        co_return sdk_method_not_allowed("GET");
    auto connection = co_await session_connection(c);
    if (!connection) co_return identity_error(connection.error());
    const auto parts = segments(folded(c->request.path));
    if (parts.size() != 3 || parts[1] != connection->org_id || parts[2] != connection->user_id)
        co_return bad_oauth_token();
    const auto url = identity_url(public_origin(), *connection);
    boost::json::object body{{"id", url},
                             {"asserted_user", true},
                             {"user_id", connection->user_id},
                             {"organization_id", connection->org_id},
                             {"username", connection->username},
                             {"display_name", connection->username},
                             {"active", true},
                             {"urls", urls(public_origin())}};
    co_return json_reply(200, body);
}

/// POST /services/oauth2/revoke: ends the gateway session or refresh token; Salesforce hears nothing
/// of it, for the connection is the app's.
Async<Reply> Server::revoke_token_route(std::shared_ptr<Context> c) {
    if (c->request.method != "POST") co_return sdk_method_not_allowed("POST");
    if (!c->request.query.empty())
        co_return oauth_error(400, "invalid_request", "Send the token in the body.");
    auto fields = read_form(c->request);
    if (!fields) co_return oauth_error(400, "invalid_request", fields.error().message);
    auto given = only(*fields, "token");
    if (!given) co_return oauth_error(400, "invalid_request", "Send one token.");
    SessionDesk sessions{*library_};
    auto presented = Secret::take(std::move(*given));
    auto ended = co_await sessions.end_of(std::move(presented), patience());
    if (!ended && ended.error().code == "invalid_session")
        co_return oauth_error(400, "invalid_token", "The token is not valid here.");
    if (!ended) co_return error_reply(ended.error(), c->request_id);
    co_return json_reply(200, boost::json::object{});
}

/// A call that goes to Salesforce and not through the relay.
struct Server::OwnCall {
    ConnectionId connection;
    std::string target;  ///< of it, without what leads to the connection
    HeldPlace held;
    OwnCall() = default;
};

/// Who calls, and that his key may: an API key below /proxy/{connection}, a gateway session at the root.
Task<Server::OwnCall> Server::own_call(std::shared_ptr<Context> c) {
    constexpr std::string_view proxy = "/proxy/";
    const std::string_view path{c->request.path};
    OwnCall call;
    call.target = c->request.target.substr(c->request.target.find("/services/"));
    std::shared_ptr<KeyGate> gate;
    if (path.starts_with(proxy)) {
        auto who = co_await caller(*c, Permission::proxy);
        if (!who) co_return who.error();
        gate = who->gate;
        call.connection = ConnectionId{
            std::string{path.substr(proxy.size(), path.find('/', proxy.size()) - proxy.size())}};
    } else {
        if (has_key(c->request.query)) co_return key_in_query();
        const auto token = session_token(c->request);
        if (token.empty()) co_return invalid_session();
        SessionDesk sessions{*library_};
        Secret presented{token};
        auto session = co_await sessions.check(std::move(presented), patience());
        if (!session) co_return session.error();
        gate = session->gate;
        call.connection = session->connection;
    }
    auto held = admit_call(*library_, gate, c->request.method, call.target);
    if (!held) co_return held.error();
    call.held = std::move(*held);
    auto spared = co_await admit_to_org(*library_, std::move(gate), call.connection, patience());
    if (!spared) co_return spared.error();
    co_return call;
}

/// .../services/data/vN.N, the list of resources: Salesforce's answer, but that its link to the
/// identity service leads to ours, for SDKs follow it with their token.
Async<Reply> Server::resources_route(std::shared_ptr<Context> c) {
    const bool at_the_root = !c->request.path.starts_with("/proxy/");
    auto call = co_await own_call(c);
    if (!call)
        co_return at_the_root ? sdk_error_reply(call.error())
                              : error_reply(call.error(), c->request_id);
    ApiRequest request;
    request.connection = std::move(call->connection);
    request.method = c->request.method;
    request.target = std::move(call->target);
    request.body = std::move(c->request.body);
    for (const auto& line : c->request.headers)
        if (!ascii_iequal(line.name, "Accept") && !ascii_iequal(line.name, "Accept-Encoding"))
            request.headers.emplace_back(line.name, line.value);
    request.headers.emplace_back("Accept", "application/json");
    auto answer = co_await library_->async_call(std::move(request), patience());
    if (!answer)
        co_return at_the_root ? sdk_error_reply(answer.error())
                              : error_reply(answer.error(), c->request_id);
    Reply reply{answer->status, {}, std::move(answer->body)};
    for (auto& [name, value] : answer->headers) reply.headers.add(name, value);
    if (reply.status == 200 && c->request.method == "GET") {
        auto ours = with_own_identity(reply.body, public_origin());
        // What cannot be read cannot be made safe.
        if (!ours) {
            const Error unreadable{Fault::outcome_unknown, "upstream_answer_unreadable",
                                   "Salesforce's list of resources could not be read."};
            co_return at_the_root ? sdk_error_reply(unreadable)
                                  : error_reply(unreadable, c->request_id);
        }
        reply.body = std::move(*ours);
    }
    reply.headers.set("Content-Security-Policy", "sandbox");
    reply.headers.set("X-Content-Type-Options", "nosniff");
    reply.headers.set("Latchkey-Answer", "salesforce");
    co_return reply;
}

}  // namespace latchkey::service
