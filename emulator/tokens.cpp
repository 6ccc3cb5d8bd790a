#include "emulator/tokens.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "emulator/answers.h"
#include "emulator/hash.h"

namespace latchkey::emulator {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds id_token_life{120};
constexpr std::chrono::hours login_window{1};

std::string id_token(World& world, const Visit& visit, const Client& client, const Grant& grant,
                     std::string_view access_token, std::string_view nonce) {
    const auto now = visit.now.time_since_epoch().count();
    json::object claims;
    claims["iss"] = visit.origin;
    claims["sub"] = identity_url(visit.origin, world, grant.user_id);
    claims["aud"] = client.client_id;
    claims["iat"] = now;
    claims["exp"] = now + id_token_life.count();
    claims["at_hash"] = base64url(sha256(access_token).substr(0, 16));
    if (!nonce.empty()) claims["nonce"] = nonce;
    return world.signer.sign(json::serialize(claims));
}

bool too_many_logins(World& world, const Visit& visit, const Client& client,
                     const std::string& user_id) {
    if (client.login_rate == 0) return false;
    const std::string name = user_id + " " + client.client_id;
    auto* times = world.login_times.find(name);
    if (times == nullptr) times = &world.login_times.put(name, {});
    std::erase_if(*times, [&](WallTime when) { return visit.now - when >= login_window; });
    if (times->size() >= static_cast<std::size_t>(client.login_rate)) return true;
    times->push_back(visit.now);
    return false;
}

}  // namespace

std::string other_name(std::string_view origin) {
    const auto host_at = origin.find("//") + 2;
    auto host = origin.substr(host_at);
    const auto port_at = host.find(':', host.starts_with('[') ? host.find(']') : 0);
    const auto port = port_at == std::string_view::npos ? std::string_view{} : host.substr(port_at);
    host = host.substr(0, port_at);
    return std::string{origin.substr(0, host_at)} +
           (host == "localhost" ? "127.0.0.1" : "localhost") + std::string{port};
}

json::object token_answer(World& world, const Visit& visit, const Client& client, Grant& grant,
                          std::string_view refresh_token, std::string_view nonce) {
    Session session;
    session.token = world.ids.access_token(world.people.org_id());
    session.grant = grant.id;
    session.origin = visit.origin;
    session.issued_at = session.written_at = visit.now;
    session.timeout = std::chrono::seconds{client.session_timeout};
    session.sliding = client.sliding;
    session.half_window_update = client.half_window_update;
    const std::string access_token = world.grants.add_session(std::move(session)).token;

    const std::string id = identity_url(visit.origin, world, grant.user_id);
    const std::int64_t issued_ms = visit.now.time_since_epoch().count() * 1000;
    const std::string issued_at = std::to_string(issued_ms);

    json::object out;
    out["access_token"] = access_token;
    if (!refresh_token.empty()) out["refresh_token"] = refresh_token;
    if (!client.secret.empty()) {
        out["signature"] = base64(hmac_sha256(client.secret, id + issued_at));
    }
    out["scope"] = grant.scope_text();
    if (grant.has_scope("openid")) {
        out["id_token"] = id_token(world, visit, client, grant, access_token, nonce);
    }
    out["instance_url"] = grant.moved_to.empty() ? visit.origin : grant.moved_to;
    if (client.sfap) out["api_instance_url"] = "https://api.salesforce.com";
    out["id"] = id;
    out["token_type"] = "Bearer";
    if (client.issued_at_number) {
        out["issued_at"] = issued_ms;
    } else {
        out["issued_at"] = issued_at;
    }
    out["token_format"] = "opaque";
    if (client.include_expires_in) out["expires_in"] = client.session_timeout;
    if (client.extra_fields) {
        out["x_unknown_text"] = "";
        out["x_unknown_list"] = json::array{1, nullptr, "three"};
        out["x_unknown_object"] = json::object{{"access_token", "not this one"}};
    }
    return out;
}

Grant& approve(World& world, const Visit& visit, const Client& client, const std::string& user_id,
               const std::vector<std::string>& scopes, bool may_last) {
    Grant grant;
    grant.client_id = client.client_id;
    grant.user_id = user_id;
    grant.scopes = scopes;
    grant.approved_at = grant.last_used = visit.now;
    const bool asked = grant.has_scope("refresh_token") || grant.has_scope("offline_access");
    if (may_last && asked && client.refresh_policy.kind != RefreshPolicy::Kind::immediate) {
        grant.refresh_token = world.ids.refresh_token();
    }
    std::vector<std::string> evicted;
    Grant& opened = world.grants.open(std::move(grant),
                                      static_cast<std::size_t>(client.max_approvals), evicted);
    for (const auto& id : evicted) world.ledger.revoked(id);
    return opened;
}

bool end_grant(World& world, Grant& grant) {
    if (!world.grants.revoke(grant)) return false;
    world.ledger.revoked(grant.id);
    return true;
}

ClientCheck check_client(const World& world, const Visit& visit, const FormFields& form,
                         bool (*secret_required)(const Client&)) {
    ClientCheck check;
    std::string id = value_of(form, "client_id");
    std::string secret = value_of(form, "client_secret");
    const auto line = visit.request.headers.find("Authorization");
    // A pair in the body counts more than the header.
    if (line && (id.empty() || secret.empty())) {
        check.basic = true;
        const bool is_basic = line->size() > 6 && ascii_iequal(line->substr(0, 6), "Basic ");
        const auto pair = is_basic ? from_base64(line->substr(6)) : std::nullopt;
        const auto colon = pair ? pair->find(':') : std::string::npos;
        if (colon == std::string::npos) {
            check.refusal = {"invalid_basic_auth_header", "malformed basic authorization header"};
            return check;
        }
        const auto named = percent_decode(pair->substr(0, colon), true);
        const auto proof = percent_decode(pair->substr(colon + 1), true);
        if (!named || !proof || (!id.empty() && id != *named)) {
            check.refusal = {"invalid_basic_auth_header", "malformed basic authorization header"};
            return check;
        }
        id = *named;
        secret = *proof;
    }
    const Client* client = world.clients.find(id);
    if (client == nullptr) {
        check.refusal = {"invalid_client_id", "client identifier invalid"};
        return check;
    }
    const bool wrong = secret.empty() ? secret_required(*client)
                                      : client->secret.empty() || !same(secret, client->secret);
    if (wrong) {
        check.refusal = {"invalid_client", "invalid client credentials"};
        return check;
    }
    check.client = client;
    return check;
}

Reply refuse(const ClientCheck& check) {
    Reply reply =
        oauth_error(check.basic ? 401 : 400, check.refusal->error, check.refusal->description);
    if (check.basic) reply.headers.add("WWW-Authenticate", "Basic realm=\"token\"");
    return reply;
}

std::optional<Refusal> policy_refusal(World& world, const Visit& visit, const Client& client,
                                      const std::string& user_id) {
    const User* user = world.people.by_id(user_id);
    if (user == nullptr || !user->active) return Refusal{"inactive_user", "user is inactive"};
    if (client.blocked) return Refusal{"app_blocked", "this app is blocked by admin"};
    const auto& approved = client.approved_users;
    if (client.permitted_users == PermittedUsers::admin_approved &&
        std::find(approved.begin(), approved.end(), user->username) == approved.end()) {
        return Refusal{"invalid_app_access", "user is not admin approved to access this app"};
    }
    if (!client.allows_address(visit.request.peer))
        return Refusal{"invalid_grant", "ip restricted"};
    if (too_many_logins(world, visit, client, user_id)) {
        return Refusal{"rate_limit_exceeded", "number of logins exceeded"};
    }
    return std::nullopt;
}

}  // namespace latchkey::emulator
