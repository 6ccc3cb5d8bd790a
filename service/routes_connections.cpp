#include <boost/json.hpp>

#include "base/text.h"
#include "facade/key_desk.h"
#include "service/replies.h"
#include "service/requests.h"
#include "service/server.h"

namespace latchkey::service {
namespace {

Result<std::optional<Standing>> standing(const FormFields& query) {
    const auto text = only(query, "standing");
    if (!text) return std::optional<Standing>{};
    for (const auto s : {Standing::active, Standing::uncertain, Standing::reauth_required,
                         Standing::quarantined, Standing::revoking, Standing::revoked})
        if (*text == name(s)) return std::optional<Standing>{s};
    return Error{Fault::bad_input, "invalid_parameter",
                 "standing must be active, uncertain, reauth_required, quarantined, revoking or "
                 "revoked."};
}

}  // namespace

Async<Reply> Server::connection_routes(std::shared_ptr<Context> c) {
    const auto& method = c->request.method;
    if (c->path.size() == 2) {
        if (method != "GET") co_return method_not_allowed("GET", c->request_id);
        co_return co_await list_connections(c);
    }
    const ConnectionId id{c->path[2]};
    const std::string act = c->path.size() > 3 ? c->path[3] : "";
    if (act == "sessions") co_return co_await gateway_session_routes(c);
    if (c->path.size() > 4) co_return no_such_route(c->request_id);

    Permission needed = Permission::admin;
    if (act.empty() && method == "GET")
        needed = Permission::read;
    else if (act.empty() && method == "DELETE")
        needed = Permission::connect;
    else if (act.empty())
        co_return method_not_allowed("GET, DELETE", c->request_id);
    else if (act != "refresh" && act != "quarantine" && act != "release")
        co_return no_such_route(c->request_id);
    else if (method != "POST")
        co_return method_not_allowed("POST", c->request_id);

    auto who = co_await caller(*c, needed);
    if (!who) co_return error_reply(who.error(), c->request_id);
    Task<Connection> work = act == "refresh"      ? library_->async_refresh(id, patience())
                            : act == "quarantine" ? library_->async_quarantine(id, patience())
                            : act == "release"    ? library_->async_release(id, patience())
                            : method == "DELETE"  ? library_->async_revoke(id, patience())
                                                  : library_->async_connection(id, patience());
    auto connection = co_await std::move(work);
    if (!connection) co_return error_reply(connection.error(), c->request_id);
    co_return json_reply(method == "DELETE" ? 202 : 200, to_json(*connection));
}

Async<Reply> Server::list_connections(std::shared_ptr<Context> c) {
    auto who = co_await caller(*c, Permission::read);
    if (!who) co_return error_reply(who.error(), c->request_id);
    auto query = read_query(c->request, {"end_user", "standing", "provider", "cursor", "limit"});
    if (!query) co_return error_reply(query.error(), c->request_id);
    auto limit = optional_number(*query, "limit", 1, 200);
    if (!limit) co_return error_reply(limit.error(), c->request_id);
    auto wanted = standing(*query);
    if (!wanted) co_return error_reply(wanted.error(), c->request_id);

    ConnectionFilter filter;
    filter.end_user = only(*query, "end_user");
    filter.standing = *wanted;
    if (const auto provider = only(*query, "provider")) filter.provider = ProviderId{*provider};
    filter.cursor = only(*query, "cursor").value_or("");
    filter.limit = static_cast<std::size_t>(limit->value_or(50));
    auto list = co_await library_->async_connections(std::move(filter), patience());
    if (!list) co_return error_reply(list.error(), c->request_id);

    boost::json::array items;
    for (const auto& connection : list->items) items.emplace_back(to_json(connection));
    boost::json::object body{{"items", std::move(items)}};
    if (!list->next_cursor.empty()) body["next_cursor"] = list->next_cursor;
    co_return json_reply(200, body);
}

}  // namespace latchkey::service
