#include <boost/json.hpp>

#include <latchkey/server_client.h>

#include "base/text.h"
#include "cli/backend.h"
#include "cli/output.h"

namespace latchkey::cli {
namespace {

Error not_ours() {
    return {Fault::misconfigured, "not_a_latchkey_server",
            "The server's answer is not latchkey's; check the address in LATCHKEY_SERVER."};
}

std::string text(const boost::json::object& from, const char* field) {
    const auto* value = from.if_contains(field);
    return value != nullptr && value->is_string() ? std::string{value->get_string()}
                                                  : std::string{};
}

Result<boost::json::object> object_of(const ApiResponse& answer) {
    if (answer.status >= 400) return ServerClient::refusal_of(answer);
    boost::system::error_code failed;
    auto value = boost::json::parse(answer.body, failed);
    if (failed || !value.is_object()) return not_ours();
    return std::move(value.get_object());
}

std::optional<WallTime> time_of(const std::string& rfc3339_text) {
    std::tm parts{};
    if (::strptime(rfc3339_text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr)
        return std::nullopt;
    return WallTime{std::chrono::seconds{::timegm(&parts)}};
}

Connection connection_of(const boost::json::object& o) {
    Connection c;
    c.id = ConnectionId{text(o, "id")};
    c.end_user = text(o, "end_user");
    c.provider = ProviderId{text(o, "provider")};
    for (const auto s : {Standing::active, Standing::uncertain, Standing::reauth_required,
                         Standing::quarantined, Standing::revoking, Standing::revoked})
        if (text(o, "standing") == name(s)) c.standing = s;
    c.reason = text(o, "reason");
    c.org_id = text(o, "org_id");
    c.user_id = text(o, "user_id");
    c.username = text(o, "username");
    c.instance_url = text(o, "instance_url");
    if (const auto* scopes = o.if_contains("scopes"); scopes != nullptr && scopes->is_array())
        for (const auto& scope : scopes->get_array())
            if (scope.is_string()) c.scopes.emplace_back(scope.get_string());
    if (const auto* generation = o.if_contains("generation");
        generation != nullptr && generation->is_int64())
        c.generation = Generation{generation->get_int64()};
    c.connected_at = time_of(text(o, "connected_at")).value_or(WallTime{});
    c.refreshed_at = time_of(text(o, "refreshed_at"));
    return c;
}

KeyRules rules_of(const boost::json::object& o) {
    KeyRules rules;
    if (const auto* list = o.if_contains("rules"); list != nullptr && list->is_array())
        for (const auto& item : list->get_array())
            if (item.is_string())
                if (auto rule = path_rule_of(std::string_view{item.get_string()}))
                    rules.paths.push_back(std::move(*rule));
    if (const auto* limits = o.if_contains("limits"); limits != nullptr && limits->is_object()) {
        const auto& given = limits->get_object();
        for (const auto& [field, into] :
             {std::pair{"rate", &rules.limits.rate}, std::pair{"burst", &rules.limits.burst},
              std::pair{"concurrency", &rules.limits.concurrency}})
            if (const auto* value = given.if_contains(field); value != nullptr && value->is_int64())
                *into = value->get_int64();
    }
    if (const auto priority = priority_of(text(o, "priority"))) rules.priority = *priority;
    return rules;
}

ApiKey api_key_of(const boost::json::object& o) {
    ApiKey key;
    key.id = ApiKeyId{text(o, "id")};
    key.label = text(o, "label");
    if (const auto* list = o.if_contains("permissions"); list != nullptr && list->is_array())
        for (const auto& item : list->get_array())
            if (item.is_string())
                if (const auto may = permission_of(std::string_view{item.get_string()}))
                    key.permissions.insert(*may);
    key.rules = rules_of(o);
    key.created_at = time_of(text(o, "created_at")).value_or(WallTime{});
    key.revoked_at = time_of(text(o, "revoked_at"));
    return key;
}

bool truth(const boost::json::object& o, std::string_view name) {
    const auto* found = o.if_contains(name);
    return found != nullptr && found->is_bool() && found->get_bool();
}

SealingKey sealing_key_of(const boost::json::object& o) {
    SealingKey key;
    key.id = text(o, "id");
    key.stage = text(o, "stage") == name(KeyStage::in_use) ? KeyStage::in_use : KeyStage::announced;
    key.seals = truth(o, "seals");
    key.created_at = time_of(text(o, "created_at")).value_or(WallTime{});
    if (const auto* tokens = o.if_contains("tokens"); tokens != nullptr && tokens->is_int64())
        key.tokens = tokens->get_int64();
    return key;
}

KillSwitch kill_switch_of(const boost::json::object& o) {
    KillSwitch one;
    one.provider = ProviderId{text(o, "provider")};
    one.since = time_of(text(o, "since")).value_or(WallTime{});
    one.reason = text(o, "reason");
    one.revokes = truth(o, "revokes");
    one.swept = truth(o, "swept");
    one.stored = !o.contains("stored") || truth(o, "stored");
    return one;
}

class RemoteBackend final : public Backend {
public:
    explicit RemoteBackend(std::unique_ptr<ServerClient> server) : server_(std::move(server)) {}

    Result<ConnectionList> connections(const std::string& cursor) override {
        auto found = ask("GET", "/v1/connections?limit=200" +
                                    (cursor.empty() ? "" : "&cursor=" + percent_encode(cursor)));
        if (!found) return found.error();
        ConnectionList list;
        if (const auto* items = found->if_contains("items"); items != nullptr && items->is_array())
            for (const auto& item : items->get_array())
                if (item.is_object()) list.items.push_back(connection_of(item.get_object()));
        list.next_cursor = text(*found, "next_cursor");
        return list;
    }
    Result<Connection> connection(const ConnectionId& id) override { return one("GET", id); }
    Result<Connection> revoke(const ConnectionId& id) override { return one("DELETE", id); }
    Result<AccessToken> token(const ConnectionId& id) override {
        auto found = ask("GET", "/v1/connections/" + percent_encode(id.text) + "/token");
        if (!found) return found.error();
        AccessToken token;
        token.token = Secret{text(*found, "access_token")};
        token.instance_url = text(*found, "instance_url");
        token.expires_at = time_of(text(*found, "expires_at"));
        if (const auto* number = found->if_contains("generation");
            number != nullptr && number->is_int64())
            token.generation = Generation{number->get_int64()};
        return token;
    }
    Result<ApiResponse> call(ApiRequest request) override {
        auto answer = server_->send(
            request.method, "/proxy/" + percent_encode(request.connection.text) + request.target,
            request.body, request.headers);
        if (!answer) return answer.error();
        const auto whose = answer->header("Latchkey-Answer");
        if (whose && *whose == "salesforce") return answer;
        auto refusal = object_of(*answer);
        return refusal ? not_ours() : refusal.error();
    }
    Rest rest(const ConnectionId& id) override { return Rest{*server_, id}; }
    Result<NewApiKey> create_api_key(ApiKeyWish wish) override {
        boost::json::array names;
        for (const auto permission : wish.permissions) names.emplace_back(name(permission));
        boost::json::object body{{"label", wish.label}, {"permissions", std::move(names)}};
        // An older server makes plain keys, and refuses one with fields that it does not know.
        if (!wish.rules.none())
            for (auto& member : to_json(wish.rules)) body[member.key()] = std::move(member.value());
        auto made = ask("POST", "/v1/apikeys", boost::json::serialize(body));
        if (!made) return made.error();
        NewApiKey key;
        key.key = api_key_of(*made);
        key.secret = Secret{text(*made, "key")};
        return key;
    }
    Result<std::vector<ApiKey>> api_keys() override {
        auto found = ask("GET", "/v1/apikeys");
        if (!found) return found.error();
        std::vector<ApiKey> keys;
        if (const auto* items = found->if_contains("items"); items != nullptr && items->is_array())
            for (const auto& item : items->get_array())
                if (item.is_object()) keys.push_back(api_key_of(item.get_object()));
        return keys;
    }
    Result<SealingKeys> sealing_keys() override {
        auto found = ask("GET", "/v1/keys");
        if (!found) return found.error();
        SealingKeys keys;
        each(*found, "items", [&](const boost::json::value& item) {
            if (item.is_object()) keys.keys.push_back(sealing_key_of(item.get_object()));
        });
        each(*found, "waiting_for", [&](const boost::json::value& item) {
            if (item.is_string())
                keys.waiting_for.emplace_back(std::string{std::string_view{item.get_string()}});
        });
        return keys;
    }
    Result<SealingKey> change_sealing_key() override {
        auto added = ask("POST", "/v1/keys");
        if (!added) return added.error();
        return sealing_key_of(*added);
    }
    Result<std::vector<KillSwitch>> kill_switches() override {
        auto found = ask("GET", "/v1/kill-switches");
        if (!found) return found.error();
        std::vector<KillSwitch> on;
        each(*found, "items", [&](const boost::json::value& item) {
            if (item.is_object()) on.push_back(kill_switch_of(item.get_object()));
        });
        return on;
    }
    Result<KillSwitch> turn_on_kill_switch(const KillSwitch& wish) override {
        boost::json::object body{{"reason", wish.reason}, {"revoke", wish.revokes}};
        if (!wish.provider.text.empty()) body["provider"] = wish.provider.text;
        auto on = ask("POST", "/v1/kill-switches", boost::json::serialize(body));
        if (!on) return on.error();
        return kill_switch_of(*on);
    }
    Result<KillSwitch> turn_off_kill_switch(const ProviderId& provider) override {
        auto off = ask("DELETE",
                       "/v1/kill-switches" + (provider.text.empty()
                                                  ? std::string{}
                                                  : "?provider=" + percent_encode(provider.text)));
        if (!off) return off.error();
        return kill_switch_of(*off);
    }
    Result<ApiKey> revoke_api_key(const ApiKeyId& id) override {
        auto found = ask("DELETE", "/v1/apikeys/" + percent_encode(id.text));
        if (!found) return found.error();
        return api_key_of(*found);
    }

private:
    template <class Take>
    static void each(const boost::json::object& from, std::string_view list, Take take) {
        if (const auto* items = from.if_contains(list); items != nullptr && items->is_array())
            for (const auto& item : items->get_array()) take(item);
    }

    Result<boost::json::object> ask(const std::string& method, const std::string& target,
                                    const std::string& body = {}) {
        HeaderLines headers;
        if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
        auto answer = server_->send(method, target, body, headers);
        if (!answer) return answer.error();
        return object_of(*answer);
    }
    Result<Connection> one(const std::string& method, const ConnectionId& id) {
        auto found = ask(method, "/v1/connections/" + percent_encode(id.text));
        if (!found) return found.error();
        return connection_of(*found);
    }
    std::unique_ptr<ServerClient> server_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_remote(const std::string& url, Secret api_key) {
    auto server = ServerClient::open(url, std::move(api_key));
    if (!server) return server.error();
    return std::unique_ptr<Backend>{std::make_unique<RemoteBackend>(std::move(*server))};
}

}  // namespace latchkey::cli
