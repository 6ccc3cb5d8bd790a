#include <algorithm>
#include <utility>

#include "base/text.h"
#include "connect/flow_impl.h"
#include "connect/return_url.h"
#include "salesforce/errors.h"

namespace latchkey {
namespace {

/// As many browsers or prefetchers as may press at the same time before we ask them to slow down.
constexpr int most_rounds = 64;

Error unknown_state() {
    return {Fault::bad_input, "invalid_state",
            "This return from Salesforce does not belong to a login that is under way here; it may "
            "have expired a while ago. Go back to the app and connect from there."};
}

Error wrong_browser() {
    return {Fault::bad_input, "browser_mismatch",
            "This return from Salesforce came to another browser than the one that began the "
            "login. Go on in the browser where you began, with cookies allowed, or go back to the "
            "app and connect from there."};
}

Error expired() {
    return {Fault::bad_input, "state_expired",
            "The login took longer than ten minutes. Go back to the app and connect from there."};
}

Error used() {
    return {Fault::bad_input, "state_used",
            "This return from Salesforce has been used. If the app does not show the connection, "
            "connect again from there."};
}

/// Errors that say: do not believe this callback. It is then answered here, never by a redirect.
bool not_believed(const Error& error) {
    return error.code == "invalid_state" || error.code == "context_mismatch" ||
           error.code == "issuer_mismatch";
}

/// Exactly one value under the flow's name, and the right one: of two the browser's choice would be
/// luck.
bool bound_browser(const FlowRow& flow, const CookieLookup& cookies) {
    if (!cookies) return false;
    const auto values = cookies(connect::cookie_name(flow.id));
    return values.size() == 1 && connect::fits(Secret{values.front()}, flow.cookie_hash);
}

}  // namespace

bool ConnectFlow::Impl::same_code(const FlowRow& flow, const oauth::CallbackQuery& query) {
    auto kept = parts.vault.open_for_flow(flow.id, connect::callback_column, flow.callback);
    if (!kept.has_value()) return false;
    const auto before = oauth::parse_callback(kept->reveal());
    return before.has_value() && before->code && query.code && before->code->same_as(*query.code);
}

/// The person refused, or Salesforce did: the flow ends, and the app learns why.
Task<Arrival> ConnectFlow::Impl::refuse_arrival(FlowRow flow, Error problem, Deadline by) {
    const FormFields added = {{"error", problem.code}, {"flow", flow.id.text}};
    Arrival arrival;
    arrival.redirect_url = with_fields(flow.return_url, added);
    parts.log.write(Level::info, "login_refused",
                    {{"flow", flow.id.text},
                     {"provider", flow.provider.text},
                     {"code", problem.code},
                     {"salesforce", problem.remote_text}});
    auto ended = co_await end(std::move(flow), std::move(problem.code), by);
    if (!ended.has_value()) co_return ended.error();
    co_return arrival;
}

Task<Arrival> ConnectFlow::Impl::callback(ProviderId path, std::string query, CookieLookup cookies,
                                          Deadline by) {
    const Secret raw = Secret::take(std::move(query));
    auto parsed = oauth::parse_callback(raw.reveal());
    if (!parsed.has_value()) co_return parsed.error();

    for (int round = 0; round < most_rounds; ++round) {
        auto found = co_await parts.store.flows().by_state(oauth::state_hash(parsed->state), by);
        if (!found.has_value()) {
            if (found.error().fault == Fault::not_found) co_return unknown_state();
            co_return found.error();
        }
        FlowRow flow = std::move(*found);
        // Whoever is not the bound browser learns nothing more and changes nothing.
        if (!bound_browser(flow, cookies)) {
            parts.log.write(Level::warning, "browser_mismatch",
                            {{"flow", flow.id.text}, {"provider", flow.provider.text}});
            co_return wrong_browser();
        }
        auto provider = parts.providers.find(flow.provider);
        if (!provider.has_value()) co_return provider.error();
        auto login = connect::login_of(*provider, flow.login_url);
        if (!login.has_value()) co_return login.error();
        auto checked = oauth::check_callback(
            *parsed, path.text, connect::awaited_callback(flow, *provider, *login, *parsed));
        if (!checked.has_value() && not_believed(checked.error())) {
            parts.log.write(Level::warning, "callback_not_believed",
                            {{"flow", flow.id.text},
                             {"provider", flow.provider.text},
                             {"code", checked.error().code}});
            co_return checked.error();
        }
        if (flow.state != FlowState::started && flow.state != FlowState::returned) co_return used();
        if (connect::too_late(flow, parts.clock.wall())) co_return expired();
        if (flow.state == FlowState::returned && !same_code(flow, *parsed)) co_return used();

        if (!checked.has_value()) {
            Error problem = checked.error();
            // Words that only Salesforce uses are in its own catalogue.
            if (problem.code == "authorization_failed")
                problem = salesforce::callback_problem(parsed->error, parsed->error_description);
            auto refused = co_await refuse_arrival(std::move(flow), std::move(problem), by);
            if (!refused.has_value() && refused.error().fault == Fault::conflict) continue;
            co_return refused;
        }

        auto sealed = parts.vault.seal_for_flow(flow.id, connect::callback_column, raw);
        if (!sealed.has_value()) co_return sealed.error();
        const Secret ticket = connect::fresh_key(parts.random);
        flow.state = FlowState::returned;
        flow.callback = std::move(*sealed);
        flow.ticket_hash = connect::hash_of(ticket);
        flow.ticket_expires_at = parts.clock.wall() + connect::ticket_lifetime;
        flow.expires_at = std::max(flow.expires_at, flow.ticket_expires_at);
        FormFields added = {{"ticket", std::string{ticket.reveal()}}, {"flow", flow.id.text}};
        Arrival arrival;
        arrival.redirect_url = with_fields(flow.return_url, added);
        wipe(added.front().second);
        auto stored = co_await put(std::move(flow), by);
        if (stored.has_value()) co_return arrival;
        // A double click: the other one was first, so this one asks for the next ticket.
        if (stored.error().fault != Fault::conflict) co_return stored.error();
    }
    co_return Error{Fault::try_later, "flow_busy",
                    "This return from Salesforce is being asked for too often at once. Reload the "
                    "page."};
}

}  // namespace latchkey
