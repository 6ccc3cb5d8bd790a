#include "facade/rotation_probe.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "oauth/token_answer.h"

namespace latchkey {

using std::chrono::seconds;

namespace {

constexpr seconds time_to_answer{35};
/// Salesforce keeps five; a server that keeps this many is not looked at further.
constexpr std::size_t most_approvals = 8;

/// What an answer says, without any of its tokens.
TokenTrial trial_of(const RawAnswer& raw, bool accepted) {
    TokenTrial trial;
    trial.accepted = accepted;
    trial.status = raw.status;
    if (raw.status == 200) return trial;
    auto said = oauth::read_oauth_error(raw.body.reveal());
    trial.error = std::move(said.error);
    trial.description = std::move(said.description);
    return trial;
}

GrantFate fate_of(const RefreshVerdict& verdict) {
    using Kind = RefreshVerdict::Kind;
    if (verdict.kind == Kind::issued) return GrantFate::lives;
    return verdict.kind == Kind::dead ? GrantFate::ended : GrantFate::unknown;
}

}  // namespace

RotationMeasuring::RotationMeasuring(ProbeParts parts) : parts_(std::move(parts)) {}

Task<RotationReport> RotationMeasuring::run() {
    auto measured = co_await measure();
    co_await revoke_all();
    if (!measured) co_return measured.error();
    co_return report_;
}

Task<void> RotationMeasuring::measure() {
    auto first = co_await new_grant();
    if (!first) co_return first.error();
    report_.org_id = (*first)->org_id;
    report_.user_id = (*first)->user_id;
    auto connected = parts_.is_connected(report_.org_id, report_.user_id);
    if (!connected) co_return connected.error();
    if (*connected)
        co_return Error{Fault::conflict, "user_is_connected",
                        "A connection of this Salesforce user is kept, and what is found out here "
                        "may end its grant. Log in as a user whom nobody has connected."};

    auto refreshed = co_await first_refresh(*first);
    if (!refreshed) co_return refreshed.error();
    tell("Presenting one token twice at the same time.");
    co_await two_at_once(*first);
    if (parts_.count_approvals) {
        auto counted = co_await approvals();
        if (!counted) co_return counted.error();
    }
    // Without rotation no token is ever spent.
    if (!report_.rotates) co_return Result<void>{};
    auto presented = co_await present_spent();
    co_return presented;
}

Task<RotationMeasuring::Held> RotationMeasuring::new_grant() {
    const int number = ++report_.grants_made;
    auto made = co_await parts_.log_in(number);
    if (!made) {
        --report_.grants_made;
        co_return made.error();
    }
    auto grant = std::make_shared<ProbeGrant>(std::move(*made));
    grants_.push_back(grant);
    const bool same =
        grant->org_id == grants_.front()->org_id && grant->user_id == grants_.front()->user_id;
    if (!same)
        co_return Error{
            Fault::conflict, "another_user",
            "This login was another user's than the one before. Start again, and log in "
            "as the same user each time."};
    co_return grant;
}

/// A grant that lives, other than `beside`: one that is there, else a new one.
Task<RotationMeasuring::Held> RotationMeasuring::living(Held beside) {
    for (const auto& grant : grants_)
        if (grant != beside && grant->fate == GrantFate::lives) co_return grant;
    auto made = co_await new_grant();
    co_return made;
}

/// Whether there is rotation at all, and whether introspection sees it.
Task<void> RotationMeasuring::first_refresh(Held grant) {
    tell("Refreshing once, and asking introspection before and after.");
    const Secret first = grant->token;
    const auto before = co_await introspected(first);
    auto presented = co_await present(first);
    if (!presented.trial.accepted) co_return presented.verdict.error;
    const auto& answer = presented.verdict.answer;
    report_.rotates = answer.refresh_token && !answer.refresh_token->same_as(first);
    report_.tells_expiry = answer.expires_in.has_value();
    take(*grant, presented.verdict);
    co_await judge_introspection(grant, first, before);
    co_return Result<void>{};
}

/// nullopt: no clear answer.
Async<std::optional<bool>> RotationMeasuring::introspected(Secret token) {
    auto said = co_await parts_.endpoint.introspect(parts_.provider, parts_.login, std::move(token),
                                                    parts_.clock.in(time_to_answer));
    if (said) co_return said->active;
    if (said.error().fault == Fault::misconfigured) introspection_refused_ = said.error();
    co_return std::nullopt;
}

/// `spent` is the token before the first refresh, with rotation off still the one in use.
Async<void> RotationMeasuring::judge_introspection(Held grant, Secret spent,
                                                   std::optional<bool> before) {
    const auto of_spent = co_await introspected(std::move(spent));
    const auto of_current = co_await introspected(grant->token);
    // Being asked about must have done no harm.
    co_await look(grant);
    auto& finding = report_.introspection;
    if (introspection_refused_)
        finding = IntrospectionFinding::refused;
    else if (!before || !of_spent || !of_current)
        finding = IntrospectionFinding::unclear;
    else if (*before && *of_current && *of_spent == !report_.rotates &&
             grant->fate == GrantFate::lives)
        finding = IntrospectionFinding::truthful;
    else
        finding = IntrospectionFinding::wrong;
}

Async<void> RotationMeasuring::two_at_once(Held grant) {
    using namespace boost::asio::experimental::awaitable_operators;
    if (grant->fate != GrantFate::lives) co_return;
    // Both connections stand before either request leaves: what differs then is a write, not a
    // handshake.
    auto first = co_await dial();
    auto second = co_await dial();
    if (!first || !second) co_return;
    auto one = spend(std::move(*first), grant->token);
    auto other = spend(std::move(*second), grant->token);
    auto both = std::move(one) && std::move(other);
    const auto answers = co_await std::move(both);
    report_.two_at_once = {std::get<0>(answers).trial, std::get<1>(answers).trial};
    take(*grant, std::get<0>(answers).verdict);
    take(*grant, std::get<1>(answers).verdict);
    co_await look(grant);
    report_.after_two = grant->fate;
}

/// Grants side by side, until a new one ends the oldest.
Task<void> RotationMeasuring::approvals() {
    for (;;) {
        const auto before = alive();
        if (before >= most_approvals) co_return Result<void>{};
        tell("Counting approvals: " + std::to_string(before) + " so far.");
        auto made = co_await new_grant();
        if (!made) co_return made.error();
        // Look at the oldest first: where it is not the one that ended, none has.
        const auto oldest = std::ranges::find_if(
            grants_, [](const auto& grant) { return grant->fate == GrantFate::lives; });
        co_await look(*oldest);
        if ((*oldest)->fate == GrantFate::lives) continue;
        if ((*oldest)->fate == GrantFate::ended) report_.approvals = static_cast<int>(before);
        co_return Result<void>{};
    }
}

Task<void> RotationMeasuring::present_spent() {
    auto victim = co_await living(nullptr);
    if (!victim) co_return victim.error();
    auto witness = co_await living(*victim);
    if (!witness) co_return witness.error();

    tell("Presenting a spent token.");
    const Secret spent = (*victim)->token;
    const auto spent_at = parts_.clock.steady();
    co_await look(*victim);
    if ((*victim)->fate != GrantFate::lives) co_return Result<void>{};
    auto again = co_await present(spent);
    report_.spent_at_once = again.trial;
    take(**victim, again.verdict);
    if (again.trial.accepted) {
        tell("It was accepted. Waiting " + std::to_string(parts_.grace.count()) +
             " s to present it again.");
        co_await parts_.clock.sleep_until(spent_at + parts_.grace);
        auto later = co_await present(spent);
        report_.spent_later = later.trial;
        report_.later = parts_.grace;
        take(**victim, later.verdict);
    }
    co_await look(*victim);
    co_await look(*witness);
    report_.after_spent = (*victim)->fate;
    report_.others_after_spent = (*witness)->fate;
    co_return Result<void>{};
}

Task<TokenLine> RotationMeasuring::dial() {
    auto line = co_await parts_.endpoint.connect(parts_.provider, parts_.login,
                                                 parts_.clock.in(time_to_answer));
    co_return line;
}

Async<RotationMeasuring::Presented> RotationMeasuring::present(Secret token) {
    auto line = co_await dial();
    if (line) {
        auto presented = co_await spend(std::move(*line), std::move(token));
        co_return presented;
    }
    Presented unsent;
    unsent.verdict.error = line.error();
    co_return unsent;
}

Async<RotationMeasuring::Presented> RotationMeasuring::spend(TokenLine line, Secret token) {
    Presented presented;
    const auto by = parts_.clock.in(time_to_answer);
    auto raw = co_await line.refresh(std::move(token), by.at, by);
    if (!raw) {
        presented.verdict.error = raw.error();
        co_return presented;
    }
    presented.verdict = judge_refresh(*raw);
    presented.trial = trial_of(*raw, presented.verdict.kind == RefreshVerdict::Kind::issued);
    co_return presented;
}

/// Finds out whether a grant lives by using it as anybody would.
Async<void> RotationMeasuring::look(Held grant) {
    if (grant->fate == GrantFate::ended) co_return;
    auto presented = co_await present(grant->token);
    grant->fate = fate_of(presented.verdict);
    take(*grant, presented.verdict);
}

void RotationMeasuring::take(ProbeGrant& grant, const RefreshVerdict& verdict) {
    if (verdict.answer.refresh_token) grant.token = *verdict.answer.refresh_token;
}

/// Of grants that have ended already too: nothing may be left behind.
Async<void> RotationMeasuring::revoke_all() {
    for (const auto& grant : grants_) {
        auto gone = co_await parts_.endpoint.revoke(parts_.provider, parts_.login, grant->token,
                                                    parts_.clock.in(time_to_answer));
        if (grant->fate == GrantFate::ended)
            ++report_.grants_ended;
        else if (gone)
            ++report_.grants_revoked;
    }
}

void RotationMeasuring::tell(const std::string& text) {
    if (parts_.tell) parts_.tell(text);
}

std::size_t RotationMeasuring::alive() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        grants_, [](const auto& grant) { return grant->fate == GrantFate::lives; }));
}

}  // namespace latchkey
