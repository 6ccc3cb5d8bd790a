#include <utility>

#include <boost/json.hpp>

#include "service/replies.h"
#include "service/requests.h"
#include "service/server.h"

namespace latchkey::service {
namespace {

Error wrong_limits() {
    return {Fault::bad_input, "invalid_field",
            "The field limits must be an object of rate, burst and concurrency, each a whole "
            "number from 1."};
}

/// {rate?, burst?, concurrency?}; how much each may be says the library.
Result<KeyLimits> read_limits(const boost::json::object& body) {
    KeyLimits limits;
    const auto* given = body.if_contains("limits");
    if (given == nullptr) return limits;
    if (!given->is_object()) return wrong_limits();
    for (const auto& member : given->get_object()) {
        auto* limit = member.key() == "rate"          ? &limits.rate
                      : member.key() == "burst"       ? &limits.burst
                      : member.key() == "concurrency" ? &limits.concurrency
                                                      : nullptr;
        const auto& value = member.value();
        if (limit == nullptr || !value.is_int64() || value.get_int64() < 1) return wrong_limits();
        *limit = value.get_int64();
    }
    return limits;
}

/// {label?, permissions?, rules?, limits?, priority?} of a key that is to be made.
Result<ApiKeyWish> read_wish(const boost::json::object& body) {
    ApiKeyWish wish;
    auto label = optional_text(body, "label");
    if (!label) return label.error();
    wish.label = label->value_or("");
    auto names = optional_texts(body, "permissions");
    if (!names) return names.error();
    for (const auto& text : *names) {
        auto permission = permission_of(text);
        if (!permission) return permission.error();
        wish.permissions.insert(*permission);
    }
    auto rules = optional_texts(body, "rules");
    if (!rules) return rules.error();
    for (const auto& text : *rules) {
        auto rule = path_rule_of(text);
        if (!rule) return rule.error();
        wish.rules.paths.push_back(std::move(*rule));
    }
    auto limits = read_limits(body);
    if (!limits) return limits.error();
    wish.rules.limits = *limits;
    auto word = optional_text(body, "priority");
    if (!word) return word.error();
    if (*word) {
        auto priority = priority_of(**word);
        if (!priority) return priority.error();
        wish.rules.priority = *priority;
    }
    return wish;
}

}  // namespace

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
    auto body = read_object(c->request, {"label", "permissions", "rules", "limits", "priority"});
    if (!body) co_return error_reply(body.error(), c->request_id);
    auto wish = read_wish(*body);
    if (!wish) co_return error_reply(wish.error(), c->request_id);
    auto made = co_await library_->async_create_api_key(std::move(*wish), patience());
    if (!made) co_return error_reply(made.error(), c->request_id);
    auto json = to_json(made->key);
    json["key"] = made->secret.reveal();
    co_return json_reply(201, json);
}

}  // namespace latchkey::service
