#include <utility>

#include "connect/flow_impl.h"

namespace latchkey {
namespace {

constexpr int most_epochs = 8;
/// Salesforce keeps at most five approvals of one user for one app: the sixth ends the oldest.
constexpr std::size_t most_approvals = 5;
constexpr std::size_t most_put_aside = 256;
constexpr std::chrono::seconds profile_window{5};

/// The store did not say what it thinks of the grant: nothing is decided yet.
bool storage_trouble(const Error& error) {
    return error.code.starts_with("storage_");
}

Error kept_for_later() {
    return {Fault::try_later, "completion_under_way",
            "The login's answer is kept, but the store did not take it yet. Send the same request "
            "again in a few seconds."};
}

/// The same call cannot work later, as try_later would promise: the code has been presented.
Error spent_in_vain(Error error) {
    if (error.fault != Fault::try_later) return error;
    error.fault = Fault::reauthorize;
    error.message += " A code cannot be used twice, so open a new connect session then.";
    return error;
}

}  // namespace

Task<Completion> ConnectFlow::Impl::adopt(FlowRow flow, Answer answer) {
    auto shared = std::make_shared<Answer>(std::move(answer));
    auto connection = co_await adopt_tokens(flow, shared);
    if (!connection.has_value() && storage_trouble(connection.error())) {
        parts.log.write(Level::error, "connect_delayed",
                        {{"flow", flow.id.text}, {"code", connection.error().code}});
        put_away(flow.id, *shared);
        co_return kept_for_later();
    }

    Error problem;
    if (connection.has_value()) {
        flow.state = FlowState::done;
        flow.connection = connection->id;
        flow.verifier = Sealed{};
        flow.callback = Sealed{};
        flow.expires_at = parts.clock.wall() + connect::answer_lifetime;
    } else {
        problem = connection.error();
        parts.log.write(Level::warning, "connect_refused",
                        {{"flow", flow.id.text},
                         {"provider", flow.provider.text},
                         {"code", problem.code},
                         {"salesforce", problem.remote_text}});
        flow.state = FlowState::failed;
        flow.failure = problem.code;
        flow.verifier = Sealed{};
        flow.callback = Sealed{};
        flow.expires_at = parts.clock.wall() + connect::answer_lifetime;
    }
    const FlowId id = flow.id;
    auto stored = co_await put(std::move(flow), for_store());
    if (stored.has_value()) {
        put_aside.erase(id);
        co_await close_record(shared->record);
    } else if (storage_trouble(stored.error())) {
        // The outcome stands; only the flow does not say so yet.
        put_away(id, *shared);
    }
    if (!connection.has_value()) co_return problem;
    Completion completion;
    completion.connection = std::move(*connection);
    co_return completion;
}

Task<Connection> ConnectFlow::Impl::adopt_tokens(FlowRow flow, std::shared_ptr<Answer> answer) {
    auto read = judge_exchange(answer->raw);
    if (!read.has_value()) co_return spent_in_vain(read.error());

    // Stored first, checked then: whatever is wrong with it, a grant that we have been given is
    // either used or given back.
    auto kept = co_await keep_candidate(flow, answer, *read);
    if (!kept.has_value()) co_return kept.error();
    parts.stops.reached("CP39");
    if (*kept == Kept::current) {
        auto connection =
            co_await parts.store.connections().find(answer->key.connection, for_store());
        co_return connection;
    }
    auto connection = co_await check_and_promote(flow, answer->key, *read);
    if (!connection.has_value()) {
        if (storage_trouble(connection.error())) co_return connection;
        auto refused = co_await parts.store.grants().refuse_candidate(
            answer->key, connection.error().code, for_store());
        if (!refused.has_value() && storage_trouble(refused.error())) co_return refused.error();
        tell(answer->key.connection);
        co_return connection;
    }
    parts.stops.reached("CP40");
    tell(connection->id);
    co_await report(flow, *connection, *read);
    co_return connection;
}

Task<ConnectFlow::Impl::Found> ConnectFlow::Impl::look_back(GrantKey key, oauth::TokenAnswer read) {
    auto row = co_await parts.store.grants().find(key, for_store());
    if (!row.has_value()) {
        if (row.error().fault == Fault::not_found) co_return Found::nothing;
        co_return row.error();
    }
    auto grant = co_await parts.vault.open(key, for_store());
    if (!grant.has_value()) co_return grant.error();
    if (!grant->access_token.same_as(read.access_token)) {
        // A current grant that has been refreshed since shows other tokens. It works, and to take
        // it for ours destroys nothing; to put this answer in its place might.
        const bool refreshed = row->role == Role::current && !row->attempt.empty();
        co_return refreshed ? Found::current : Found::foreign;
    }
    switch (row->role) {
        case Role::candidate:
            co_return Found::candidate;
        case Role::current:
            co_return Found::current;
        case Role::former:
            co_return Found::refused;
    }
    co_return Found::foreign;
}

/// Another consent for the same connection was faster. The newer answer gets the newer epoch, and
/// the journal says so before the store does.
Task<void> ConnectFlow::Impl::next_epoch(FlowRow flow, std::shared_ptr<Answer> answer) {
    auto last = co_await parts.store.grants().last_epoch(answer->key.connection, for_store());
    if (!last.has_value()) co_return last.error();
    answer->key.epoch = last->next();
    const std::int64_t before = answer->record;
    auto noted =
        co_await parts.vault.note_exchange(answer->key, flow.id, answer->raw.pack(), for_store());
    if (noted.has_value()) {
        answer->record = *noted;
        co_await close_record(before);
    }
    co_return Result<void>{};
}

Task<ConnectFlow::Impl::Kept> ConnectFlow::Impl::keep_candidate(FlowRow flow,
                                                                std::shared_ptr<Answer> answer,
                                                                oauth::TokenAnswer read) {
    auto provider = parts.providers.find(flow.provider);
    if (!provider.has_value()) co_return provider.error();
    auto login = connect::login_of(*provider, flow.login_url);
    if (!login.has_value()) co_return login.error();

    GrantRow facts;
    facts.role = Role::candidate;
    facts.state = State::active;
    facts.provider = flow.provider;
    facts.login_url = flow.login_url;
    // Of an answer that will be refused only what is needed to give it back is stored.
    auto checked = connect::check_answer(read, *provider, *login);
    if (checked.has_value()) {
        facts.instance_url = checked->instance.text();
        facts.org_id = checked->who.org_id;
        facts.user_id = checked->who.user_id;
    }
    const FreshTokens fresh =
        connect::fresh_tokens(read, *provider, facts.instance_url, answer->at);
    facts.scopes = fresh.scopes;
    facts.access_received_at = fresh.received_at;
    facts.access_expires_at = fresh.expires_at;

    for (int tries = 0; tries < most_epochs; ++tries) {
        Found found = Found::nothing;
        if (answer->again) {
            auto looked = co_await look_back(answer->key, read);
            if (!looked.has_value()) co_return looked.error();
            found = *looked;
        }
        if (found == Found::candidate) co_return Kept::candidate;
        if (found == Found::current) co_return Kept::current;
        if (found == Found::refused)
            co_return Error{Fault::conflict, "candidate_refused",
                            "What this login brought was refused and is being given back. Open a "
                            "new connect session."};
        if (found == Found::nothing) {
            facts.key = answer->key;
            auto kept = co_await parts.vault.keep_candidate(facts, fresh, for_store());
            if (kept.has_value()) co_return Kept::candidate;
            if (kept.error().code != "epoch_conflict") co_return kept.error();
        }
        auto moved = co_await next_epoch(flow, answer);
        if (!moved.has_value()) co_return moved.error();
    }
    co_return Error{Fault::conflict, "superseded",
                    "Too many logins for this connection ended at the same time. Open a new "
                    "connect session."};
}

Async<std::string> ConnectFlow::Impl::username(salesforce::LoginBase login,
                                               connect::CandidateFacts facts, Secret access_token) {
    auto profile =
        co_await parts.endpoint.profile(std::move(login), facts.instance, facts.who,
                                        std::move(access_token), parts.clock.in(profile_window));
    if (profile.has_value()) co_return profile->username;
    // The name is for people's eyes; a grant without the scope `id` works all the same.
    parts.log.write(Level::info, "username_unknown",
                    {{"org", facts.who.org_id}, {"code", profile.error().code}});
    co_return std::string{};
}

Task<Connection> ConnectFlow::Impl::facts_of(FlowRow flow, GrantKey key, oauth::TokenAnswer read) {
    auto provider = parts.providers.find(flow.provider);
    if (!provider.has_value()) co_return provider.error();
    auto login = connect::login_of(*provider, flow.login_url);
    if (!login.has_value()) co_return login.error();
    auto checked = connect::check_answer(read, *provider, *login);
    if (!checked.has_value()) co_return checked.error();

    std::string name = co_await username(*login, *checked, read.access_token);

    Connection facts;
    facts.connected_at = parts.clock.wall();
    if (!flow.reconnects.empty()) {
        // Last of all, so that as little time as possible passes until the grant is replaced.
        auto current = co_await parts.store.grants().find(flow.reconnects, for_store());
        if (!current.has_value()) co_return current.error();
        auto same = connect::check_reconnect(*current, *checked);
        if (!same.has_value()) co_return same.error();
        auto before = co_await parts.store.connections().find(flow.reconnects, for_store());
        if (!before.has_value()) co_return before.error();
        // The connection is the same one: it keeps its place in every list.
        facts.connected_at = before->connected_at;
        facts.username = before->username;
    }
    if (!name.empty()) facts.username = std::move(name);
    facts.id = key.connection;
    facts.end_user = flow.end_user;
    facts.provider = flow.provider;
    facts.org_id = checked->who.org_id;
    facts.user_id = checked->who.user_id;
    facts.instance_url = checked->instance.text();
    facts.scopes = connect::granted_scopes(read, *provider);
    co_return facts;
}

Task<Connection> ConnectFlow::Impl::check_and_promote(FlowRow flow, GrantKey key,
                                                      oauth::TokenAnswer read) {
    auto facts = co_await facts_of(std::move(flow), key, std::move(read));
    if (!facts.has_value()) co_return facts.error();
    auto connection = co_await parts.vault.promote(std::move(key), std::move(*facts), for_store());
    co_return connection;
}

void ConnectFlow::Impl::put_away(const FlowId& flow, const Answer& answer) {
    // Beyond the bound the journal alone has them, and the next start applies them.
    if (put_aside.size() >= most_put_aside && !put_aside.contains(flow)) return;
    Answer kept = answer;
    kept.again = true;
    put_aside.insert_or_assign(flow, std::move(kept));
}

Async<void> ConnectFlow::Impl::close_record(std::int64_t record) {
    if (record == 0) co_return;
    // What stays open is read once more at the next start and closed there.
    auto closed = co_await parts.journal.close(record, for_store());
    if (!closed.has_value())
        parts.log.write(Level::warning, "record_not_closed", {{"code", closed.error().code}});
}

Async<void> ConnectFlow::Impl::report(FlowRow flow, Connection connection,
                                      oauth::TokenAnswer read) {
    parts.log.write(Level::info, flow.reconnects.empty() ? "connected" : "reconnected",
                    {{"flow", flow.id.text},
                     {"connection", connection.id.text},
                     {"provider", flow.provider.text},
                     {"org", connection.org_id},
                     {"user", connection.user_id}});
    if (!read.refresh_token)
        parts.log.write(Level::warning, "no_refresh_token",
                        {{"connection", connection.id.text},
                         {"advice",
                          "the app needs the scope refresh_token and a refresh policy "
                          "other than immediate expiry"}});
    auto provider = parts.providers.find(flow.provider);
    const std::string missing =
        provider.has_value() ? connect::missing_scopes(read, *provider) : std::string{};
    if (!missing.empty())
        parts.log.write(Level::warning, "scopes_missing",
                        {{"connection", connection.id.text}, {"scopes", missing}});

    auto approvals = co_await parts.store.connections().of_salesforce_user(
        flow.provider, connection.org_id, connection.user_id, for_store());
    if (approvals.has_value() && approvals->size() >= most_approvals)
        parts.log.write(Level::warning, "approvals_near_limit",
                        {{"connection", connection.id.text},
                         {"connections", static_cast<std::int64_t>(approvals->size())},
                         {"advice",
                          "Salesforce keeps five approvals of one user for one app and "
                          "ends the oldest; revoke connections that are not used"}});
}

}  // namespace latchkey
