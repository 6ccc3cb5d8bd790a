#include <boost/json.hpp>

#include "base/text.h"
#include "service/replies.h"
#include "service/requests.h"
#include "service/server.h"

namespace latchkey::service {
namespace {

Error wrong(const char* field, const char* needed) {
    return {Fault::bad_input, "invalid_field",
            std::string{"The field "} + field + " must be " + needed + "."};
}

/// {ttl_s?, refresh?} of a session that is to be opened.
Result<void> read_wish(const boost::json::object& body, SessionWish& wish) {
    if (const auto* ttl = body.if_contains("ttl_s")) {
        if (!ttl->is_int64() || ttl->get_int64() < 60 || ttl->get_int64() > 86400)
            return wrong("ttl_s", "a whole number from 60 to 86400");
        wish.ttl = std::chrono::seconds{ttl->get_int64()};
    }
    if (const auto* refresh = body.if_contains("refresh")) {
        if (!refresh->is_bool()) return wrong("refresh", "true or false");
        wish.refresh = refresh->get_bool();
    }
    return {};
}

}  // namespace

/// GET and POST /v1/connections/{id}/sessions, DELETE /v1/connections/{id}/sessions/{session}.
Async<Reply> Server::gateway_session_routes(std::shared_ptr<Context> c) {
    const auto& method = c->request.method;
    if (c->path.size() > 5) co_return no_such_route(c->request_id);
    const bool one = c->path.size() == 5;
    if (one ? method != "DELETE" : method != "GET" && method != "POST")
        co_return method_not_allowed(one ? "DELETE" : "GET, POST", c->request_id);
    auto who = co_await caller(*c, Permission::proxy);
    if (!who) co_return error_reply(who.error(), c->request_id);
    const ConnectionId id{c->path[2]};
    SessionDesk sessions{*library_};

    if (one) {
        const SessionId session{c->path[4]};
        auto ended = co_await sessions.end(id, session, patience());
        if (!ended) co_return error_reply(ended.error(), c->request_id);
        co_return Reply{204,
                        Headers{{"Cache-Control", "no-store"}, {"Latchkey-Answer", "gateway"}}};
    }
    if (method == "GET") {
        auto found = co_await sessions.list(id, patience());
        if (!found) co_return error_reply(found.error(), c->request_id);
        boost::json::array items;
        for (const auto& session : *found) items.emplace_back(to_json(session));
        co_return json_reply(200, {{"items", std::move(items)}});
    }
    auto body = read_object(c->request, {"ttl_s", "refresh"});
    if (!body) co_return error_reply(body.error(), c->request_id);
    SessionWish wish{id, who->key};
    const auto read = read_wish(*body, wish);
    if (!read) co_return error_reply(read.error(), c->request_id);
    auto opened = co_await sessions.open(std::move(wish), patience());
    if (!opened) co_return error_reply(opened.error(), c->request_id);
    boost::json::object answer{{"id", opened->session.id.text},
                               {"instance_url", public_origin()},
                               {"access_token", opened->access_token.reveal()},
                               {"expires_at", rfc3339(opened->session.expires_at)}};
    if (opened->refresh_token) answer["refresh_token"] = opened->refresh_token->reveal();
    co_return json_reply(201, answer);
}

}  // namespace latchkey::service
