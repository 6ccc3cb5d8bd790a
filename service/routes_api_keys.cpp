#include <boost/json.hpp>

#include "service/replies.h"
#include "service/requests.h"
#include "service/server.h"

namespace latchkey::service {

/// GET and POST /v1/apikeys, DELETE /v1/apikeys/{id}; operators' listener only.
Async<Reply> Server::api_key_routes(std::shared_ptr<Context> c) {
    if (library_ == nullptr || c->path.size() > 3) co_return no_such_route(c->request_id);
    const auto& method = c->request.method;
    const bool one = c->path.size() == 3;
    if (one ? method != "DELETE" : method != "GET" && method != "POST")
        co_return method_not_allowed(one ? "DELETE" : "GET, POST", c->request_id);
    auto who = co_await caller(*c, Permission::admin);
    if (!who) co_return error_reply(who.error(), c->request_id);

    if (one) {
        const ApiKeyId id{c->path[2]};
        auto revoked = co_await library_->async_revoke_api_key(id, patience());
        if (!revoked) co_return error_reply(revoked.error(), c->request_id);
        co_return json_reply(200, to_json(*revoked));
    }
    if (method == "GET") {
        auto keys = co_await library_->async_api_keys(patience());
        if (!keys) co_return error_reply(keys.error(), c->request_id);
        boost::json::array items;
        for (const auto& key : *keys) items.emplace_back(to_json(key));
        co_return json_reply(200, {{"items", std::move(items)}});
    }
    auto body = read_object(c->request, {"label", "permissions"});
    if (!body) co_return error_reply(body.error(), c->request_id);
    auto label = optional_text(*body, "label");
    if (!label) co_return error_reply(label.error(), c->request_id);
    auto names = optional_texts(*body, "permissions");
    if (!names) co_return error_reply(names.error(), c->request_id);
    std::set<Permission> may;
    for (const auto& text : *names) {
        auto permission = permission_of(text);
        if (!permission) co_return error_reply(permission.error(), c->request_id);
        may.insert(*permission);
    }
    if (may.empty()) may.insert(Permission::proxy);
    auto made = co_await library_->async_create_api_key(label->value_or(""), std::move(may),
                                                        patience());
    if (!made) co_return error_reply(made.error(), c->request_id);
    auto json = to_json(made->key);
    json["key"] = made->secret.reveal();
    co_return json_reply(201, json);
}

}  // namespace latchkey::service
