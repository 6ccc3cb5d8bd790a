#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "emulator/answers.h"
#include "emulator/endpoints.h"

namespace latchkey::emulator {
namespace {

namespace json = boost::json;

constexpr std::string_view newest_version = "68.0";
constexpr auto changed_at = "2026-10-01T09:00:00.000+0000";
constexpr std::int64_t utc_offset_ms = -28'800'000;

/// Whose token came, or the answer for one that is missing or dead.
struct Asker {
    Session* session = nullptr;
    Grant* grant = nullptr;
    std::string_view refusal;  ///< empty: none
};

Asker find_asker(World& world, const Visit& visit, const std::string& from_parameter) {
    const Bearer bearer = bearer_of(visit.request);
    std::string token = bearer.token;
    if (bearer.kind != Bearer::Kind::token) token = from_parameter;
    Asker out;
    if (token.empty()) {
        out.refusal = "Missing_OAuth_Token";
        return out;
    }
    out.session = world.grants.use_session(token, visit.now);
    if (out.session != nullptr) out.grant = world.grants.find(out.session->grant);
    if (out.grant == nullptr) out.refusal = "Bad_OAuth_Token";
    return out;
}

/// Where the org's APIs are. Templates keep the literal "{version}" for the caller to fill in.
json::object urls(std::string_view origin, const std::string& org, const std::string& user,
                  std::string_view version) {
    const std::string base{origin};
    const std::string v{version};
    const std::string data = base + "/services/data/v" + v;
    const std::string short_org = org.substr(0, 15);
    json::object out;
    out["enterprise"] = base + "/services/Soap/c/" + v + "/" + short_org;
    out["metadata"] = base + "/services/Soap/m/" + v + "/" + short_org;
    out["partner"] = base + "/services/Soap/u/" + v + "/" + short_org;
    out["rest"] = data + "/";
    out["sobjects"] = data + "/sobjects/";
    out["search"] = data + "/search/";
    out["query"] = data + "/query/";
    out["recent"] = data + "/recent/";
    out["tooling_soap"] = base + "/services/Soap/T/" + v + "/" + short_org;
    out["tooling_rest"] = data + "/tooling/";
    out["profile"] = base + "/" + user;
    out["feeds"] = data + "/chatter/feeds";
    out["groups"] = data + "/chatter/groups";
    out["users"] = data + "/chatter/users";
    out["feed_items"] = data + "/chatter/feed-items";
    out["feed_elements"] = data + "/chatter/feed-elements";
    out["custom_domain"] = base;
    return out;
}

json::object photos(std::string_view origin) {
    return {{"picture", std::string{origin} + "/profilephoto/005/F"},
            {"thumbnail", std::string{origin} + "/profilephoto/005/T"}};
}

std::string instance_of(const Asker& asker) {
    return asker.grant->moved_to.empty() ? asker.session->origin : asker.grant->moved_to;
}

bool may_read_userinfo(const Grant& grant) {
    for (const auto* scope :
         {"openid", "id", "profile", "email", "address", "phone", "api", "full"}) {
        if (grant.has_scope(scope)) return true;
    }
    return false;
}

json::object userinfo_of(const World& world, const Asker& asker, const User& user) {
    const std::string origin = instance_of(asker);
    json::object out;
    out["sub"] = identity_url(asker.session->origin, world, user.id);
    out["user_id"] = user.id;
    out["organization_id"] = world.people.org_id();
    out["preferred_username"] = user.username;
    out["nickname"] = ascii_lower(user.first_name);
    out["name"] = user.display_name();
    out["email"] = user.username;
    out["email_verified"] = true;
    out["given_name"] = user.first_name;
    out["family_name"] = user.last_name;
    out["zoneinfo"] = "America/Los_Angeles";
    out["photos"] = photos(origin);
    out["profile"] = origin + "/" + user.id;
    out["picture"] = photos(origin)["picture"];
    out["address"] = json::object{{"country", "US"}};
    out["urls"] = urls(origin, world.people.org_id(), user.id, "{version}");
    out["active"] = user.active;
    out["user_type"] = "STANDARD";
    out["language"] = "en_US";
    out["locale"] = "en_US";
    out["utcOffset"] = utc_offset_ms;
    out["updated_at"] = changed_at;
    out["is_app_installed"] = true;
    return out;
}

json::object identity_of(const World& world, const Asker& asker, const User& user,
                         std::string_view version) {
    const std::string origin = instance_of(asker);
    json::object out;
    out["id"] = identity_url(asker.session->origin, world, user.id);
    out["asserted_user"] = user.id == asker.grant->user_id;
    out["user_id"] = user.id;
    out["organization_id"] = world.people.org_id();
    out["username"] = user.username;
    out["nick_name"] = ascii_lower(user.first_name);
    out["display_name"] = user.display_name();
    out["email"] = user.username;
    out["email_verified"] = true;
    out["first_name"] = user.first_name;
    out["last_name"] = user.last_name;
    out["timezone"] = "America/Los_Angeles";
    out["photos"] = photos(origin);
    out["addr_street"] = nullptr;
    out["addr_city"] = nullptr;
    out["addr_state"] = nullptr;
    out["addr_country"] = "US";
    out["addr_zip"] = nullptr;
    out["mobile_phone"] = nullptr;
    out["mobile_phone_verified"] = false;
    out["is_lightning_login_user"] = false;
    out["status"] = json::object{{"created_date", nullptr}, {"body", nullptr}};
    out["urls"] = urls(origin, world.people.org_id(), user.id, version);
    out["active"] = user.active;
    out["user_type"] = "STANDARD";
    out["language"] = "en_US";
    out["locale"] = "en_US";
    out["utcOffset"] = utc_offset_ms;
    out["last_modified_date"] = changed_at;
    out["is_app_installed"] = true;
    return out;
}

/// The version URLs are to name: the one asked for, or the template word.
std::string version_of(const std::string& asked) {
    if (asked.empty()) return "{version}";
    if (asked == "latest") return std::string{newest_version};
    return printable(asked, 8);
}

bool same_id(std::string_view asked, std::string_view id) {
    return asked == id || (asked.size() == 15 && id.starts_with(asked));
}

}  // namespace

Reply userinfo(World& world, const Visit& visit) {
    const auto form = visit.posted() ? form_of(visit.request) : std::nullopt;
    const Asker asker =
        find_asker(world, visit, form ? value_of(*form, "access_token") : std::string{});
    if (!asker.refusal.empty()) return text_reply(403, std::string{asker.refusal});
    const User* user = world.people.by_id(asker.grant->user_id);
    if (user == nullptr || !may_read_userinfo(*asker.grant)) {
        return text_reply(403, "Bad_OAuth_Token");
    }
    return json_answer(200, userinfo_of(world, asker, *user));
}

Reply identity(World& world, const Visit& visit) {
    const auto query = parse_form(visit.request.query).value_or(FormFields{});
    const Asker asker = find_asker(world, visit, value_of(query, "oauth_token"));
    if (!asker.refusal.empty()) return text_reply(403, std::string{asker.refusal});

    const std::string_view path = std::string_view{visit.path}.substr(4);  // behind "/id/"
    const auto slash = path.find('/');
    if (!same_id(path.substr(0, slash), world.people.org_id())) return text_reply(403, "Wrong_Org");
    const User* user =
        slash == std::string_view::npos ? nullptr : world.people.by_id(path.substr(slash + 1));
    if (user == nullptr) return text_reply(404, "Bad_Id");
    return json_answer(200,
                       identity_of(world, asker, *user, version_of(value_of(query, "version"))));
}

Reply single_access(World& world, const Visit& visit) {
    const Asker asker = find_asker(world, visit, "");
    if (!asker.refusal.empty()) return text_reply(403, std::string{asker.refusal});
    const auto form = visit.posted() ? form_of(visit.request) : parse_form(visit.request.query);
    if (!form) return oauth_error(400, "invalid_request", "malformed request");
    FormFields link{{"otp", world.ids.opaque()}};
    const std::string target = value_of(*form, "redirect_uri");
    if (!target.empty()) link.emplace_back("startURL", target);
    return json_answer(
        200,
        json::object{{"frontdoor_uri", with_query(visit.origin + "/secur/frontdoor.jsp", link)}});
}

Reply discovery(const Visit& visit) {
    const std::string& base = visit.origin;
    const std::string oauth = base + "/services/oauth2/";
    json::object out;
    out["issuer"] = base;
    out["authorization_endpoint"] = oauth + "authorize";
    out["token_endpoint"] = oauth + "token";
    out["revocation_endpoint"] = oauth + "revoke";
    out["userinfo_endpoint"] = oauth + "userinfo";
    out["introspection_endpoint"] = oauth + "introspect";
    out["jwks_uri"] = base + "/id/keys";
    out["scopes_supported"] = {
        "id",    "api",     "web",         "full",  "chatter_api",    "openid", "refresh_token",
        "email", "address", "visualforce", "phone", "offline_access", "profile"};
    out["response_types_supported"] = {"code", "token", "token id_token"};
    out["subject_types_supported"] = json::array{"public"};
    out["id_token_signing_alg_values_supported"] = json::array{"RS256"};
    out["code_challenge_methods_supported"] = json::array{"S256"};
    out["display_values_supported"] = {"page", "popup", "touch"};
    out["token_endpoint_auth_methods_supported"] = {"client_secret_post", "client_secret_basic"};
    out["claims_supported"] = {"active",
                               "email",
                               "email_verified",
                               "family_name",
                               "given_name",
                               "is_app_installed",
                               "language",
                               "locale",
                               "name",
                               "nickname",
                               "organization_id",
                               "photos",
                               "picture",
                               "preferred_username",
                               "profile",
                               "sub",
                               "updated_at",
                               "urls",
                               "user_id",
                               "user_type",
                               "zoneinfo"};
    return json_answer(200, out);
}

}  // namespace latchkey::emulator
