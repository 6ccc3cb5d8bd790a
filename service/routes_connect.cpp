#include <boost/json.hpp>

#include "base/origin.h"
#include "base/text.h"
#include "service/pages.h"
#include "service/replies.h"
#include "service/requests.h"
#include "service/server.h"

namespace latchkey::service {
namespace {

/// True if the browser says that this form was sent from a page of ours. Our pages ask for no
/// referrer, and that makes browsers write "Origin: null" (Fetch standard, "append a request Origin
/// header"); then Sec-Fetch-Site is their word for it. A foreign word in either field is enough to
/// refuse.
bool same_origin(const ServedRequest& request, const std::string& public_url) {
    const auto origin = request.headers.find("Origin");
    const auto site = request.headers.find("Sec-Fetch-Site");
    if (site && *site != "same-origin") return false;
    if (origin && *origin != "null") return *origin == public_url;
    return site.has_value();
}

Reply page_for(const Error& error, const std::string& request_id) {
    return error_page(status_of(error), error, request_id);
}

const Error foreign_host{Fault::bad_input, "unknown_host",
                         "This server answers under its public URL only."};

}  // namespace

Async<Reply> Server::connect_page_route(std::shared_ptr<Context> c) {
    if (!page_host_is_ours(*c)) co_return error_page(421, foreign_host, c->request_id);
    const auto& method = c->request.method;
    Secret link{c->path[1]};
    if (method == "GET" || method == "HEAD") {
        auto view = co_await library_->async_look(std::move(link), patience());
        if (!view) co_return page_for(view.error(), c->request_id);
        std::string login_origin;
        if (view->login_url) {
            const auto scheme_end = view->login_url->find("://");
            const auto path = view->login_url->find('/', scheme_end + 3);
            login_origin = view->login_url->substr(0, path);
        }
        co_return connect_page(*view, login_origin);
    }
    if (method != "POST") co_return method_not_allowed("GET, HEAD, POST", c->request_id);
    if (!same_origin(c->request, config_.public_url)) {
        const Error error{Fault::denied, "cross_site",
                          "This form must be sent from its own page. Open the link again and press "
                          "the button there."};
        co_return page_for(error, c->request_id);
    }
    const auto form = parse_form(c->request.body);
    std::optional<std::string> chosen;
    if (form) chosen = only(*form, "login_host");
    auto departure = co_await library_->async_start(std::move(link), std::move(chosen), patience());
    if (!departure) co_return page_for(departure.error(), c->request_id);
    auto reply = see_other(departure->authorize_url);
    std::string cookie = cookie_name(departure->cookie_name) + "=";
    cookie += departure->cookie.reveal();
    cookie += "; Path=/; HttpOnly; SameSite=Lax; Max-Age=" +
              std::to_string(departure->cookie_lifetime.count());
    if (config_.public_url.starts_with("https://")) cookie += "; Secure";
    reply.headers.add("Set-Cookie", std::move(cookie));
    co_return reply;
}

Async<Reply> Server::callback_route(std::shared_ptr<Context> c) {
    if (!page_host_is_ours(*c)) co_return error_page(421, foreign_host, c->request_id);
    if (c->request.method != "GET") co_return method_not_allowed("GET", c->request_id);
    CookieLookup lookup = [c, prefix = cookie_name("")](std::string_view name) {
        return cookies(c->request, prefix + std::string{name});
    };
    auto arrival = co_await library_->async_callback(ProviderId{c->path[2]}, c->request.query,
                                                     std::move(lookup), patience());
    if (!arrival) co_return page_for(arrival.error(), c->request_id);
    co_return see_other(arrival->redirect_url);
}

Async<Reply> Server::session_routes(std::shared_ptr<Context> c) {
    const auto& path = c->path;
    const bool opening = path.size() == 3 && path[2] == "sessions";
    const bool completing = path.size() == 5 && path[2] == "sessions" && path[4] == "complete";
    if (!opening && !completing) co_return no_such_route(c->request_id);
    if (c->request.method != "POST") co_return method_not_allowed("POST", c->request_id);
    if (opening) co_return co_await open_session(c);
    co_return co_await complete_session(c);
}

Async<Reply> Server::open_session(std::shared_ptr<Context> c) {
    auto who = co_await caller(*c, Permission::connect);
    if (!who) co_return error_reply(who.error(), c->request_id);
    auto body = read_object(c->request, {"end_user", "provider", "purpose", "return_url",
                                         "login_host", "connection_id", "login_hint", "prompt"});
    if (!body) co_return error_reply(body.error(), c->request_id);
    auto end_user = required_text(*body, "end_user");
    if (!end_user) co_return error_reply(end_user.error(), c->request_id);
    auto return_url = required_text(*body, "return_url");
    if (!return_url) co_return error_reply(return_url.error(), c->request_id);

    ConnectWish wish;
    wish.owner = who->key;
    wish.end_user = std::move(*end_user);
    wish.return_url = std::move(*return_url);
    std::optional<std::string> provider, connection, purpose, hint;
    for (const auto& [field, into] :
         {std::pair{"provider", &provider}, std::pair{"connection_id", &connection},
          std::pair{"purpose", &purpose}, std::pair{"login_host", &wish.login_host},
          std::pair{"login_hint", &hint}}) {
        auto text = optional_text(*body, field);
        if (!text) co_return error_reply(text.error(), c->request_id);
        *into = std::move(*text);
    }
    auto prompt = optional_texts(*body, "prompt");
    if (!prompt) co_return error_reply(prompt.error(), c->request_id);
    wish.prompt = std::move(*prompt);
    if (provider) wish.provider = ProviderId{*provider};
    if (connection) wish.connection = ConnectionId{*connection};
    wish.purpose = purpose.value_or("");
    wish.login_hint = hint.value_or("");

    auto opened = co_await library_->async_open_flow(std::move(wish), patience());
    if (!opened) co_return error_reply(opened.error(), c->request_id);
    const std::string link{opened->link.reveal()};
    co_return json_reply(201, {{"id", opened->id.text},
                               {"connect_url", config_.public_url + "/connect/" + link},
                               {"expires_at", rfc3339(opened->expires_at)}});
}

Async<Reply> Server::complete_session(std::shared_ptr<Context> c) {
    auto who = co_await caller(*c, Permission::connect);
    if (!who) co_return error_reply(who.error(), c->request_id);
    auto body = read_object(c->request, {"ticket", "end_user"});
    if (!body) co_return error_reply(body.error(), c->request_id);
    auto ticket = required_text(*body, "ticket");
    if (!ticket) co_return error_reply(ticket.error(), c->request_id);
    auto end_user = required_text(*body, "end_user");
    if (!end_user) co_return error_reply(end_user.error(), c->request_id);
    Secret secret_ticket = Secret::take(std::move(*ticket));
    auto done = co_await library_->async_complete(FlowId{c->path[3]}, std::move(secret_ticket),
                                                  std::move(*end_user), who->key, patience());
    if (!done) co_return error_reply(done.error(), c->request_id);
    co_return json_reply(done->created ? 201 : 200, to_json(done->connection));
}

}  // namespace latchkey::service
