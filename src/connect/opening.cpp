#include <algorithm>
#include <utility>

#include "base/text.h"
#include "connect/flow_impl.h"
#include "connect/return_url.h"
#include "oauth/authorize.h"
#include "oauth/pkce.h"

namespace latchkey {
namespace {

using connect::fits;

constexpr std::size_t id_bytes = 16;
constexpr std::size_t most_prompts = 3;
constexpr const char* authorize_path = "/services/oauth2/authorize";

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
    });
}

/// nullopt if the texts of a wish can be kept.
std::optional<Error> what_is_wrong(const ConnectWish& wish) {
    if (wish.end_user.empty() || wish.end_user.size() > connect::longest_end_user)
        return Error{Fault::bad_input, "invalid_end_user",
                     "The end user has to be 1 to 200 bytes. Send your own, stable name of the "
                     "user who is logged in."};
    if (wish.purpose.size() > connect::longest_purpose || has_control_character(wish.purpose))
        return Error{Fault::bad_input, "invalid_purpose",
                     "The purpose has to be at most 200 bytes without control characters. Shorten "
                     "it to one line that a person reads before they agree."};
    if (wish.login_hint.size() > connect::longest_login_hint ||
        has_control_character(wish.login_hint))
        return Error{Fault::bad_input, "invalid_login_hint",
                     "The login hint has to be at most 200 bytes without control characters. Send "
                     "the person's Salesforce user name, or nothing."};
    if (wish.prompt.size() > most_prompts)
        return Error{Fault::bad_input, "invalid_prompt",
                     "At most three prompts can be asked for: login, consent, select_account."};
    return std::nullopt;
}

Error no_connection() {
    return {Fault::not_found, "connection_not_found",
            "This end user has no such connection with this provider that could be connected "
            "again. Check connection_id, or leave it out for a new connection."};
}

Error link_unknown() {
    return {Fault::not_found, "link_unknown",
            "This link is not known here; it may be incomplete, or have expired a while ago. Go "
            "back to the app and connect from there."};
}

Error link_used() {
    return {Fault::conflict, "link_used",
            "This link has been used. If it was you, go on in the window where you pressed the "
            "button; if not, go back to the app and connect from there."};
}

Error link_expired() {
    return {Fault::conflict, "link_expired",
            "This link has expired; a link is good for ten minutes. Go back to the app and connect "
            "from there."};
}

}  // namespace

/// Empty where neither the session nor the provider says, so that the person chooses.
Task<std::string> ConnectFlow::Impl::login_url_of_wish(ConnectWish wish, Provider provider) {
    std::optional<salesforce::LoginBase> own;
    if (provider.login_url) {
        auto configured = salesforce::check_login(*provider.login_url, true);
        if (!configured.has_value()) {
            Error error = configured.error();
            error.fault = Fault::misconfigured;
            co_return error;
        }
        own = std::move(*configured);
    }
    if (!wish.login_host) co_return own ? own->url() : std::string{};
    // The provider's own login may be a loopback or a custom domain; naming it changes nothing.
    auto as_configured = salesforce::check_login(*wish.login_host, true);
    if (own && as_configured.has_value() && as_configured->url() == own->url())
        co_return own->url();
    auto named = salesforce::check_login(*wish.login_host, false);
    if (!named.has_value()) co_return named.error();
    co_return named->url();
}

Result<std::string> ConnectFlow::Impl::authorize_url(const Provider& provider,
                                                     const std::string& login_url,
                                                     const connect::Luggage& luggage,
                                                     const Secret& state) {
    oauth::AuthorizeRequest request;
    request.endpoint = login_url + authorize_path;
    request.client_id = provider.client_id;
    request.redirect_uri = provider.redirect_uri;
    request.scopes = provider.scopes;
    request.state = std::string{state.reveal()};
    request.code_challenge = oauth::challenge_of(luggage.verifier);
    request.prompt = luggage.prompt;
    request.login_hint = luggage.login_hint;
    return oauth::authorize_url(request);
}

Task<OpenedFlow> ConnectFlow::Impl::open(ConnectWish wish, Deadline by) {
    if (auto wrong = what_is_wrong(wish)) co_return *wrong;

    if (wish.connection) {
        auto old = co_await parts.store.connections().find(*wish.connection, by);
        if (!old.has_value()) {
            if (old.error().fault == Fault::not_found) co_return no_connection();
            co_return old.error();
        }
        const bool over = old->standing == Standing::revoking || old->standing == Standing::revoked;
        if (old->end_user != wish.end_user || over) co_return no_connection();
        if (!wish.provider) wish.provider = old->provider;
        if (*wish.provider != old->provider) co_return no_connection();
    }
    auto provider =
        wish.provider ? parts.providers.find(*wish.provider) : parts.providers.only_one();
    if (!provider.has_value()) co_return provider.error();
    if (auto stopped = parts.switches.stops(provider->id)) co_return std::move(*stopped);
    auto allowed = check_return_url(*provider, wish.return_url);
    if (!allowed.has_value()) co_return allowed.error();
    auto login_url = co_await login_url_of_wish(wish, *provider);
    if (!login_url.has_value()) co_return login_url.error();

    connect::Luggage luggage;
    luggage.verifier = oauth::make_pkce(parts.random).verifier;
    luggage.login_hint = wish.login_hint;
    luggage.prompt = wish.prompt;
    // What cannot become an authorization request fails here, for the app, and not for the person.
    const std::string anywhere = login_url->empty() ? "https://login.salesforce.com" : *login_url;
    const Secret no_state{"none"};
    auto possible = authorize_url(*provider, anywhere, luggage, no_state);
    if (!possible.has_value()) co_return possible.error();

    const Secret link = connect::fresh_key(parts.random);
    FlowRow flow;
    flow.id = FlowId{"cs_" + random_text(parts.random, id_bytes)};
    flow.owner = wish.owner;
    flow.end_user = wish.end_user;
    flow.provider = provider->id;
    flow.purpose = wish.purpose;
    flow.return_url = wish.return_url;
    flow.login_url = *login_url;
    if (wish.connection) flow.reconnects = *wish.connection;
    flow.link_hash = connect::hash_of(link);
    flow.created_at = parts.clock.wall();
    flow.expires_at = flow.created_at + connect::flow_lifetime;
    auto sealed = parts.vault.seal_for_flow(flow.id, connect::luggage_column, luggage.pack());
    if (!sealed.has_value()) co_return sealed.error();
    flow.verifier = std::move(*sealed);

    OpenedFlow opened;
    opened.id = flow.id;
    opened.link = link;
    opened.expires_at = flow.expires_at;
    auto stored = co_await parts.store.flows().insert(std::move(flow), by);
    if (!stored.has_value()) co_return stored.error();
    co_return opened;
}

Task<FlowRow> ConnectFlow::Impl::by_link(Secret link, Deadline by) {
    auto found = co_await parts.store.flows().by_link(connect::hash_of(link), by);
    if (!found.has_value()) {
        if (found.error().fault == Fault::not_found) co_return link_unknown();
        co_return found.error();
    }
    if (found->state != FlowState::open) co_return link_used();
    if (connect::too_late(*found, parts.clock.wall())) co_return link_expired();
    co_return found;
}

Task<LinkView> ConnectFlow::Impl::look(Secret link, Deadline by) {
    auto flow = co_await by_link(std::move(link), by);
    if (!flow.has_value()) co_return flow.error();
    LinkView view;
    view.id = flow->id;
    view.purpose = flow->purpose;
    view.provider = flow->provider;
    if (!flow->login_url.empty()) view.login_url = flow->login_url;
    co_return view;
}

Task<Departure> ConnectFlow::Impl::start(Secret link, std::optional<std::string> chosen_login,
                                         Deadline by) {
    auto found = co_await by_link(std::move(link), by);
    if (!found.has_value()) co_return found.error();
    FlowRow flow = std::move(*found);
    auto provider = parts.providers.find(flow.provider);
    if (!provider.has_value()) co_return provider.error();

    // Read once and never again: a flow that has a login host ignores whatever a form says.
    if (flow.login_url.empty()) {
        if (!chosen_login || chosen_login->empty())
            co_return Error{Fault::bad_input, "login_host_required",
                            "Nobody has said yet where to log in. Choose Production, Sandbox, or "
                            "type your company's Salesforce address."};
        auto chosen = salesforce::check_login(*chosen_login, false);
        if (!chosen.has_value()) co_return chosen.error();
        flow.login_url = chosen->url();
    }
    auto login = connect::login_of(*provider, flow.login_url);
    if (!login.has_value()) co_return login.error();
    auto packed = parts.vault.open_for_flow(flow.id, connect::luggage_column, flow.verifier);
    if (!packed.has_value()) co_return packed.error();
    auto luggage = connect::Luggage::unpack(*packed);
    if (!luggage.has_value()) co_return luggage.error();

    const Secret state = connect::fresh_key(parts.random);
    Departure departure;
    departure.cookie = connect::fresh_key(parts.random);
    departure.cookie_name = connect::cookie_name(flow.id);
    departure.cookie_lifetime = connect::flow_lifetime;
    departure.login_origin = login->origin.text();
    auto url = authorize_url(*provider, flow.login_url, *luggage, state);
    if (!url.has_value()) co_return url.error();
    departure.authorize_url = std::move(*url);

    flow.state = FlowState::started;
    flow.state_hash = connect::hash_of(state);
    flow.cookie_hash = connect::hash_of(departure.cookie);
    auto stored = co_await put(std::move(flow), by);
    if (!stored.has_value()) {
        // Two browsers pressed at once: the link belongs to the one whose write came first.
        if (stored.error().fault == Fault::conflict) co_return link_used();
        if (stored.error().fault == Fault::not_found) co_return link_expired();
        co_return stored.error();
    }
    co_return departure;
}

}  // namespace latchkey
