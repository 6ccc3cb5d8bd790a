#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "emulator/answers.h"
#include "emulator/endpoints.h"
#include "emulator/pages.h"
#include "emulator/tokens.h"

namespace latchkey::emulator {
namespace {

constexpr std::string_view cookie_name = "emulator_sid";
constexpr std::size_t challenge_size = 43;  // base64url of 32 bytes
constexpr auto wrong_password =
    "Please check your username and password. If you still can't log in, contact your Salesforce "
    "administrator.";

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = std::string{text.substr(0, end)};
        if (!word.empty() && std::find(out.begin(), out.end(), word) == out.end()) {
            out.push_back(word);
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

/// Back to the client, with its own state: in the query, or in the fragment if tokens were asked
/// for directly.
Reply answer_client(const AuthorizeAsk& ask, FormFields fields) {
    if (ask.state) fields.emplace_back("state", *ask.state);
    return redirect(ask.response_type == "code" ? with_query(ask.redirect_uri, fields)
                                                : with_fragment(ask.redirect_uri, fields));
}

Reply refuse_client(const AuthorizeAsk& ask, std::string_view error, std::string_view text) {
    return answer_client(ask,
                         {{"error", std::string{error}}, {"error_description", std::string{text}}});
}

/// Who this browser is logged in as; empty: nobody.
std::string browser_user(const World& world, const Visit& visit) {
    const auto line = visit.request.headers.find("Cookie");
    if (!line) return "";
    std::string_view rest = *line;
    while (!rest.empty()) {
        const auto end = std::min(rest.find("; "), rest.size());
        const auto pair = rest.substr(0, end);
        if (pair.starts_with(cookie_name) && pair.substr(cookie_name.size()).starts_with('=')) {
            const auto* user =
                world.browsers.find(std::string{pair.substr(cookie_name.size() + 1)});
            return user == nullptr ? "" : *user;
        }
        rest.remove_prefix(std::min(end + 2, rest.size()));
    }
    return "";
}

Reply finish(World& world, const Visit& visit, const AuthorizeAsk& ask,
             const std::string& user_id) {
    if (ask.response_type == "code") {
        const std::string code = world.ids.code();
        world.codes.put(code, Code{ask, user_id, visit.now, false});
        return answer_client(ask, {{"code", code}});
    }
    const Client* client = world.clients.find(ask.client_id);
    // Whoever reads a web page's fragment must not get a token that lasts.
    const bool may_last = !ask.redirect_uri.starts_with("http");
    Grant& grant = approve(world, visit, *client, user_id, ask.scopes, may_last);
    const auto answer = token_answer(world, visit, *client, grant, grant.refresh_token, ask.nonce);
    FormFields fields;
    for (const auto& field : answer) {
        if (field.key() == "id_token" && ask.response_type == "token") continue;
        fields.emplace_back(field.key(), field.value().is_string()
                                             ? std::string{field.value().get_string()}
                                             : boost::json::serialize(field.value()));
    }
    return answer_client(ask, std::move(fields));
}

/// Why this user may not use this app, as an answer to the client.
std::optional<Reply> app_refusal(const Client& client, const AuthorizeAsk& ask, const User& user) {
    if (client.distribution_state == Distribution::local) {
        return refuse_client(
            ask, "OAUTH_AUTHORIZATION_BLOCKED",
            "Cross-org OAuth flows are not supported for this external client app");
    }
    if (!client.installed && client.distribution_state == Distribution::packaged) {
        return refuse_client(ask, "OAUTH_EC_APP_NOT_FOUND",
                             "External client app is not installed in this org");
    }
    if (!client.installed) {
        return refuse_client(ask, "invalid_client", "app must be installed into org");
    }
    if (client.blocked) {
        return refuse_client(ask, "OAUTH_APP_BLOCKED", "this app is blocked by admin");
    }
    const auto& approved = client.approved_users;
    if (client.permitted_users == PermittedUsers::admin_approved &&
        std::find(approved.begin(), approved.end(), user.username) == approved.end()) {
        return refuse_client(ask, "OAUTH_APP_ACCESS_DENIED",
                             "user is not admin approved to access this app");
    }
    return std::nullopt;
}

bool approved_before(World& world, const AuthorizeAsk& ask, const std::string& user_id) {
    for (const Grant* grant : world.grants.living(ask.client_id, user_id)) {
        if (std::all_of(ask.scopes.begin(), ask.scopes.end(),
                        [&](const std::string& scope) { return grant->has_scope(scope); })) {
            return true;
        }
    }
    return false;
}

/// A known person stands before the consent page. `remembered`: the browser was logged in before,
/// so an approval it gave before counts, too.
Reply after_login(World& world, const Visit& visit, const AuthorizeAsk& ask,
                  const std::string& user_id, bool remembered) {
    const User* user = world.people.by_id(user_id);
    const Client* client = world.clients.find(ask.client_id);
    if (user == nullptr || !user->active) {
        return refuse_client(ask, "inactive_user", "user is inactive");
    }
    if (auto refused = app_refusal(*client, ask, *user)) return *refused;
    const bool by_admin = client->permitted_users == PermittedUsers::admin_approved;
    if (by_admin || (remembered && !ask.consent_again && approved_before(world, ask, user_id))) {
        return finish(world, visit, ask, user_id);
    }
    if (ask.immediate)
        return refuse_client(ask, "immediate_unsuccessful", "immediate unsuccessful");
    const std::string flow = world.ids.opaque();
    world.logins.put(flow, PendingLogin{ask, user_id});
    return html_reply(200,
                      consent_page(flow, ask.client_id, user->username, ask.scopes, ask.display));
}

/// The request of a browser that comes from the client.
Reply begin(World& world, const Visit& visit, const FormFields& form) {
    for (const auto& [name, value] : form) {
        if (count(form, name) > 1) return page_error("invalid_request", "duplicate parameter");
    }
    AuthorizeAsk ask;
    ask.client_id = value_of(form, "client_id");
    const Client* client = world.clients.find(ask.client_id);
    if (client == nullptr) return page_error("invalid_client_id", "client identifier invalid");

    ask.redirect_uri = value_of(form, "redirect_uri");
    if (ask.redirect_uri.empty()) {
        return page_error("redirect_uri_missing", "redirect_uri not provided");
    }
    if (!client->accepts_redirect(ask.redirect_uri)) {
        return page_error("redirect_uri_mismatch", "redirect_uri must match configuration");
    }
    ask.response_type = value_of(form, "response_type");
    if (ask.response_type != "code" && ask.response_type != "token" &&
        ask.response_type != "token id_token") {
        return page_error("unsupported_response_type", "response type not supported");
    }
    ask.challenge = value_of(form, "code_challenge");
    const std::string method = value_of(form, "code_challenge_method");
    if (ask.challenge.empty() && client->pkce == Pkce::required && ask.response_type == "code") {
        return page_error("invalid_request", "missing required code challenge");
    }
    // A challenge without a method is S256 here, unlike RFC 7636: that is how official clients ask.
    const bool is_sha256 = method.empty() || method == "S256";
    if (!ask.challenge.empty() &&
        (!is_sha256 || ask.challenge.size() != challenge_size || !from_base64url(ask.challenge))) {
        return page_error("invalid_request", "invalid code challenge");
    }

    // From here on the client is trusted, and errors go to it.
    if (count(form, "state") == 1) ask.state = value_of(form, "state");
    ask.nonce = value_of(form, "nonce");
    ask.login_hint = value_of(form, "login_hint");
    const std::string display = value_of(form, "display");
    if (display == "popup" || display == "touch" || display == "mobile") ask.display = display;
    ask.immediate = value_of(form, "immediate") == "true";
    for (const auto& word : words_of(value_of(form, "prompt"))) {
        ask.login_again |= word == "login" || word == "select_account";
        ask.consent_again |= word == "consent";
    }
    ask.scopes = words_of(value_of(form, "scope"));
    if (ask.scopes.empty()) ask.scopes = client->scopes;
    for (const auto& scope : ask.scopes) {
        if (!client->has_scope(scope)) {
            return refuse_client(ask, "invalid_scope", "the requested scope is not allowed");
        }
    }

    const std::string user_id = browser_user(world, visit);
    if (!user_id.empty() && !ask.login_again) {
        return after_login(world, visit, ask, user_id, true);
    }
    if (ask.immediate)
        return refuse_client(ask, "immediate_unsuccessful", "immediate unsuccessful");
    const std::string flow = world.ids.opaque();
    world.logins.put(flow, PendingLogin{ask, ""});
    return html_reply(200, login_page(flow, ask.login_hint, ask.display, ""));
}

/// A form of one of our pages.
Reply go_on(World& world, const Visit& visit, const FormFields& form) {
    const std::string flow = value_of(form, "flow");
    const PendingLogin* pending = world.logins.find(flow);
    if (pending == nullptr) {
        return html_reply(
            400, plain_page("This page is too old", "Go back to the application and start again."));
    }
    const AuthorizeAsk ask = pending->ask;
    const std::string user_id = pending->user_id;
    if (world.clients.find(ask.client_id) == nullptr) {
        return page_error("invalid_client_id", "client identifier invalid");
    }
    if (user_id.empty()) {
        const std::string username = value_of(form, "username");
        const User* user = world.people.by_username(username);
        if (user == nullptr || value_of(form, "pw") != world.people.password()) {
            return html_reply(200, login_page(flow, username, ask.display, wrong_password));
        }
        world.logins.erase(flow);
        const std::string cookie = world.ids.opaque();
        world.browsers.put(cookie, user->id);
        Reply reply = after_login(world, visit, ask, user->id, false);
        reply.headers.add("Set-Cookie", std::string{cookie_name} + "=" + cookie +
                                            "; Path=/; HttpOnly; SameSite=Lax" +
                                            (visit.request.tls ? "; Secure" : ""));
        return reply;
    }
    const std::string decision = value_of(form, "decision");
    if (decision != "allow" && decision != "deny") {
        return html_reply(400, plain_page("Nothing was decided",
                                          "Go back and choose to allow or to deny access."));
    }
    world.logins.erase(flow);
    if (decision == "deny") {
        return refuse_client(ask, "access_denied", "end-user denied authorization");
    }
    return finish(world, visit, ask, user_id);
}

}  // namespace

Reply authorize(World& world, const Visit& visit) {
    if (visit.request.method != "GET" && !visit.posted()) {
        return page_error("invalid_request", "must use HTTP GET");
    }
    const auto form = visit.posted() ? form_of(visit.request) : parse_form(visit.request.query);
    if (!form) return page_error("invalid_request", "malformed request");
    if (visit.posted() && count(*form, "flow") > 0) return go_on(world, visit, *form);
    return begin(world, visit, *form);
}

}  // namespace latchkey::emulator
