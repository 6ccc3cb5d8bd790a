#include <boost/json.hpp>

#include "base/text.h"
#include "service/replies.h"
#include "service/requests.h"
#include "service/server.h"

// What an operator does when a secret may have been seen: another sealing key, and stopping all use.
// Operators' listener only.

namespace latchkey::service {
namespace {

/// Counting reads every grant of the store.
constexpr std::chrono::seconds time_to_count{60};

boost::json::object to_json(const SealingKey& key) {
    return {{"id", key.id},
            {"stage", name(key.stage)},
            {"seals", key.seals},
            {"created_at", rfc3339(key.created_at)},
            {"tokens", key.tokens}};
}

boost::json::object to_json(const KillSwitch& one) {
    boost::json::object out{{"since", rfc3339(one.since)},
                            {"reason", one.reason},
                            {"revokes", one.revokes},
                            {"swept", one.swept}};
    if (!one.provider.text.empty()) out["provider"] = one.provider.text;
    if (!one.stored) out["stored"] = false;
    return out;
}

/// Absent: all providers. An empty name is a mistake and never means all of them.
Result<ProviderId> provider_of(const std::optional<std::string>& named) {
    if (!named) return ProviderId{};
    if (named->empty())
        return Error{Fault::bad_input, "invalid_field",
                     "\"provider\" must be the id of a provider. Leave it out to mean all."};
    return ProviderId{*named};
}

Result<bool> optional_truth(const boost::json::object& body, std::string_view field) {
    const auto* found = body.if_contains(field);
    if (found == nullptr || found->is_null()) return false;
    if (found->is_bool()) return found->get_bool();
    return Error{Fault::bad_input, "invalid_field",
                 "\"" + std::string{field} + "\" must be true or false."};
}

Result<KillSwitch> wish_of(const ServedRequest& request) {
    auto body = read_object(request, {"provider", "reason", "revoke"});
    if (!body) return body.error();
    auto named = optional_text(*body, "provider");
    if (!named) return named.error();
    auto provider = provider_of(*named);
    if (!provider) return provider.error();
    auto reason = optional_text(*body, "reason");
    if (!reason) return reason.error();
    auto revoke = optional_truth(*body, "revoke");
    if (!revoke) return revoke.error();
    KillSwitch wish;
    wish.provider = std::move(*provider);
    wish.reason = reason->value_or("");
    wish.revokes = *revoke;
    return wish;
}

}  // namespace

/// GET and POST /v1/keys
Async<Reply> Server::sealing_key_routes(std::shared_ptr<Context> c) {
    if (library_ == nullptr) co_return no_such_route(c->request_id);
    const bool adds = c->request.method == "POST";
    if (!adds && c->request.method != "GET")
        co_return method_not_allowed("GET, POST", c->request_id);
    auto who = co_await caller(*c, Permission::admin);
    if (!who) co_return error_reply(who.error(), c->request_id);
    if (adds) {
        auto added = co_await library_->async_change_sealing_key(patience());
        if (!added) co_return error_reply(added.error(), c->request_id);
        co_return json_reply(202, to_json(*added));
    }
    auto found = co_await library_->async_sealing_keys(Deadline::in(time_to_count));
    if (!found) co_return error_reply(found.error(), c->request_id);
    boost::json::array items;
    for (const auto& key : found->keys) items.emplace_back(to_json(key));
    boost::json::array waiting;
    for (const auto& node : found->waiting_for) waiting.emplace_back(node.text);
    co_return json_reply(200, {{"items", std::move(items)}, {"waiting_for", std::move(waiting)}});
}

/// GET, POST and DELETE /v1/kill-switches
Async<Reply> Server::kill_switch_routes(std::shared_ptr<Context> c) {
    if (library_ == nullptr) co_return no_such_route(c->request_id);
    const auto& method = c->request.method;
    if (method != "GET" && method != "POST" && method != "DELETE")
        co_return method_not_allowed("GET, POST, DELETE", c->request_id);
    auto who = co_await caller(*c, Permission::admin);
    if (!who) co_return error_reply(who.error(), c->request_id);

    if (method == "POST") {
        auto wish = wish_of(c->request);
        if (!wish) co_return error_reply(wish.error(), c->request_id);
        auto on = co_await library_->async_turn_on_kill_switch(std::move(*wish), patience());
        if (!on) co_return error_reply(on.error(), c->request_id);
        co_return json_reply(200, to_json(*on));
    }
    if (method == "DELETE") {
        auto query = read_query(c->request, {"provider"});
        if (!query) co_return error_reply(query.error(), c->request_id);
        std::optional<std::string> named;
        for (const auto& [field, value] : *query) named = value;
        auto provider = provider_of(named);
        if (!provider) co_return error_reply(provider.error(), c->request_id);
        auto off = co_await library_->async_turn_off_kill_switch(std::move(*provider), patience());
        if (!off) co_return error_reply(off.error(), c->request_id);
        co_return json_reply(200, to_json(*off));
    }
    auto found = co_await library_->async_kill_switches(patience());
    if (!found) co_return error_reply(found.error(), c->request_id);
    boost::json::array items;
    for (const auto& one : *found) items.emplace_back(to_json(one));
    co_return json_reply(200, {{"items", std::move(items)}});
}

}  // namespace latchkey::service
