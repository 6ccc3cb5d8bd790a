#include <exception>

#include <boost/json.hpp>

#include "base/text.h"
#include "service/openapi.h"
#include "service/pages.h"
#include "service/replies.h"
#include "service/requests.h"
#include "service/server.h"

namespace latchkey::service {
namespace {

Reply text_reply(std::string body, const char* type = "text/plain; charset=utf-8") {
    return Reply{200,
                 Headers{{"Content-Type", type},
                         {"Cache-Control", "no-store"},
                         {"X-Content-Type-Options", "nosniff"},
                         {"Latchkey-Answer", "gateway"}},
                 std::move(body)};
}

bool is(const Context& c, std::initializer_list<std::string_view> path) {
    if (c.path.size() != path.size()) return false;
    std::size_t i = 0;
    for (const auto part : path)
        if (c.path[i++] != part) return false;
    return true;
}

bool begins(const Context& c, std::string_view first, std::string_view second = {}) {
    return !c.path.empty() && c.path[0] == first &&
           (second.empty() || (c.path.size() > 1 && c.path[1] == second));
}

}  // namespace

Async<Reply> Server::public_route(ServedRequest request) {
    return guarded(false, std::move(request));
}

Async<Reply> Server::operators_route(ServedRequest request) {
    return guarded(true, std::move(request));
}

/// Counts and logs every request: route pattern, status and id, never a path or a query, which may
/// hold a link, a ticket or a code.
Async<Reply> Server::guarded(bool operators, ServedRequest request) {
    auto path = segments(request.path);
    auto context = std::make_shared<Context>(std::move(request), std::move(path),
                                             "req_" + random_text(random_, 12));
    std::string route = "none";
    std::string thrown;
    Reply reply;
    try {
        reply = co_await answer(operators, &route, context);
    } catch (const std::exception& bug) {
        thrown = printable(bug.what());
    }
    if (!thrown.empty()) {
        log_.write(Level::error, "internal_error",
                   {{"request_id", context->request_id}, {"route", route}, {"what", thrown}});
        reply = error_reply({Fault::internal, "internal",
                             "This is a fault of the server; its log has it under the request id."},
                            context->request_id);
    }
    metrics_.count_request(route, reply.status);
    log_.write(Level::debug, "request",
               {{"request_id", context->request_id},
                {"method", printable(context->request.method, 16)},
                {"route", route},
                {"status", reply.status}});
    reply.headers.set("Latchkey-Request-Id", context->request_id);
    co_return reply;
}

Async<Reply> Server::answer(bool operators, std::string* route, std::shared_ptr<Context> c) {
    const auto on = [&](const char* pattern) { *route = pattern; };
    const bool reading = c->request.method == "GET" || c->request.method == "HEAD";
    if (is(*c, {"healthz"})) {
        on("/healthz");
        co_return text_reply("ok\n");
    }
    if (operators) {
        if (is(*c, {"readyz"})) {
            on("/readyz");
            co_return co_await ready_route(c);
        }
        if (is(*c, {"metrics"}) && reading) {
            on("/metrics");
            for (const auto* relayed : ProxyRelay::routes) {
                for (int status = 0; proxy_ && status <= ProxyRelay::last_status; ++status) {
                    const auto n = proxy_->count(relayed, status) +
                                   (loops_ ? loops_->count(relayed, status) : 0);
                    if (n != 0) metrics_.set_requests(relayed, status, n);
                }
            }
            co_await take_gauges();
            co_return text_reply(metrics_.text(), "text/plain; version=0.0.4");
        }
        if (is(*c, {"v1", "events"})) {
            on("/v1/events");
            co_return co_await event_route(c);
        }
        if (is(*c, {"v1", "orgs"})) {
            on("/v1/orgs");
            co_return co_await org_route(c);
        }
        if (is(*c, {"v1", "keys"})) {
            on("/v1/keys");
            co_return co_await sealing_key_routes(c);
        }
        if (is(*c, {"v1", "kill-switches"})) {
            on("/v1/kill-switches");
            co_return co_await kill_switch_routes(c);
        }
        if (begins(*c, "v1", "apikeys")) {
            on("/v1/apikeys");
            co_return co_await api_key_routes(c);
        }
        co_return no_such_route(c->request_id);
    }
    if (library_ == nullptr)
        co_return error_reply({Fault::try_later, "starting", "The server is starting."},
                              c->request_id);
    switch (own_path(c->request.target)) {
        case OwnPath::token:
            on("/services/oauth2/token");
            co_return co_await token_route(c);
        case OwnPath::userinfo:
            on("/services/oauth2/userinfo");
            co_return co_await userinfo_route(c);
        case OwnPath::revoke:
            on("/services/oauth2/revoke");
            co_return co_await revoke_token_route(c);
        case OwnPath::identity:
            on("/id/{org}/{user}");
            co_return co_await identity_route(c);
        case OwnPath::resources:
            on("/services/data/{version}");
            co_return co_await resources_route(c);
        case OwnPath::none:
            break;
    }
    if (is(*c, {"openapi.json"}) && reading) {
        on("/openapi.json");
        co_return text_reply(std::string{openapi_document()}, "application/json");
    }
    if (begins(*c, "connect") && c->path.size() == 2) {
        on("/connect/{token}");
        co_return co_await connect_page_route(c);
    }
    if (begins(*c, "oauth", "callback") && c->path.size() == 3) {
        on("/oauth/callback/{provider}");
        co_return co_await callback_route(c);
    }
    if (begins(*c, "v1", "connect")) {
        on("/v1/connect/sessions");
        co_return co_await session_routes(c);
    }
    if (begins(*c, "v1", "connections")) {
        on("/v1/connections");
        co_return co_await connection_routes(c);
    }
    co_return no_such_route(c->request_id);
}

}  // namespace latchkey::service
