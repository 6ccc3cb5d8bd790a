#include "connect/revoker.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "connect/alarm.h"
#include "connect/backoff.h"
#include "connect/flow_words.h"

namespace latchkey {
namespace {

constexpr std::size_t page = 200;
constexpr int most_repeats = 3;
constexpr std::chrono::seconds answer_window{30};
/// How often we look for work that nobody woke us for: other nodes and reconnects leave some.
constexpr std::chrono::seconds idle{30};
/// The shortest rest between two looks, whatever is due.
constexpr std::chrono::milliseconds shortest_rest{100};
constexpr std::chrono::hours forget_every{1};
constexpr std::chrono::hours kept_for{30 * 24};

using RowName = std::pair<std::string, std::int64_t>;
RowName name_of(const GrantKey& key) {
    return {key.connection.text, key.epoch.value};
}

/// Where a grant's revocation is sent: one server that fails is asked once a round, not once a
/// grant.
std::string server_of(const GrantRow& row) {
    return row.provider.text + ' ' + row.login_url;
}

}  // namespace

struct Revoker::Impl {
    explicit Impl(ConnectParts p) : parts(std::move(p)) {}

    static Async<void> run(std::shared_ptr<Impl> self);
    Task<Connection> revoke(ConnectionId who, Deadline by);

    /// One look at everything that is REVOKING. returns when something is due again
    Async<SteadyTime> round();
    /// Success once the row is settled; an error, with the server's wish for a pause, to come back.
    Task<void> give_back(GrantRow row);
    Task<void> settle(GrantRow row, std::string reason);
    Async<void> forget();
    Deadline for_store() const { return parts.clock.in(std::chrono::seconds{10}); }

    ConnectParts parts;
    std::shared_ptr<connect::Alarm> alarm = connect::Alarm::make(parts.loop, parts.clock);
    std::map<RowName, connect::Backoff> grants;       ///< of rows that are REVOKING, no others
    std::map<std::string, connect::Backoff> servers;  ///< that gave no definite answer last time
    SteadyTime forget_at{};
};

Revoker::Revoker(ConnectParts parts) : impl_(std::make_shared<Impl>(std::move(parts))) {}
Revoker::~Revoker() = default;
Task<Connection> Revoker::revoke(ConnectionId who, Deadline by) {
    return impl_->revoke(std::move(who), by);
}
Async<void> Revoker::run() {
    return Impl::run(impl_);
}
void Revoker::wake() {
    impl_->alarm->ring();
}
void Revoker::stop() {
    impl_->alarm->stop();
}

Task<Connection> Revoker::Impl::revoke(ConnectionId who, Deadline by) {
    for (int tries = 0;; ++tries) {
        auto begun = co_await parts.store.grants().begin_revocation(who, by);
        if (begun.has_value()) break;
        // Repeating a revocation that has begun changes nothing, so an unknown commit is repeated.
        if (begun.error().code != "storage_outcome_unknown" || tries == most_repeats)
            co_return begun.error();
    }
    // From here on nobody gets a token any more; Salesforce is told in the background.
    if (parts.changed) parts.changed(who);
    parts.log.write(Level::info, "revocation_begun", {{"connection", who.text}});
    alarm->ring();
    auto connection = co_await parts.store.connections().find(who, by);
    co_return connection;
}

/// Notes that a grant is over. A row that has moved on has got new tokens from an answer that was
/// still on its way; it comes round again with these.
Task<void> Revoker::Impl::settle(GrantRow row, std::string reason) {
    Move over;
    over.key = row.key;
    over.grant_generation = row.grant_generation;
    over.from = State::revoking;
    over.attempt = row.attempt;
    over.to = State::revoked;
    over.reason = std::move(reason);
    auto moved = co_await parts.store.grants().move(std::move(over), for_store());
    if (!moved.has_value()) {
        parts.log.write(Level::warning, "revocation_not_noted",
                        {{"connection", row.key.connection.text}, {"code", moved.error().code}});
        co_return moved.error();
    }
    if (parts.changed) parts.changed(row.key.connection);
    parts.log.write(Level::info, "revoked",
                    {{"connection", row.key.connection.text}, {"epoch", row.key.epoch.value}});
    co_return Result<void>{};
}

Task<void> Revoker::Impl::give_back(GrantRow row) {
    auto grant = co_await parts.vault.open(row.key, for_store());
    if (!grant.has_value() && grant.error().code == "corrupt") {
        // What cannot be read cannot be given back. An operator has to end it at Salesforce.
        parts.log.write(Level::error, "revocation_impossible",
                        {{"connection", row.key.connection.text},
                         {"org", row.org_id},
                         {"user", row.user_id},
                         {"advice",
                          "the stored token does not open; end this app's session of the "
                          "user in Salesforce's OAuth usage page"}});
        auto noted = co_await settle(std::move(row), "corrupt");
        co_return noted;
    }
    if (!grant.has_value()) co_return grant.error();
    // As it is now: an answer on its way may have brought newer tokens since the row was listed.
    row = grant->row;
    if (row.state != State::revoking) co_return Result<void>{};
    // A refresh token's end takes its access tokens with it; without one the session is all there
    // is.
    Secret token = grant->refresh_token ? *grant->refresh_token : grant->access_token;
    if (token.empty()) {
        std::string reason = row.reason;
        auto noted = co_await settle(std::move(row), std::move(reason));
        co_return noted;
    }
    auto provider = parts.providers.find(row.provider);
    auto login = provider.has_value() ? connect::login_of(*provider, row.login_url)
                                      : Result<salesforce::LoginBase>{provider.error()};
    if (!login.has_value()) {
        parts.log.write(Level::error, "revocation_waits",
                        {{"connection", row.key.connection.text},
                         {"provider", row.provider.text},
                         {"code", login.error().code},
                         {"advice", "configure the provider that gave this grant again"}});
        co_return login.error();
    }
    parts.stops.reached("CP41");
    auto told = co_await parts.endpoint.revoke(*provider, *login, std::move(token),
                                               parts.clock.in(answer_window));
    if (!told.has_value()) {
        parts.log.write(Level::warning, "revocation_unanswered",
                        {{"connection", row.key.connection.text}, {"code", told.error().code}});
        co_return told.error();
    }
    parts.stops.reached("CP43");
    std::string reason = row.reason;
    auto noted = co_await settle(std::move(row), std::move(reason));
    co_return noted;
}

Async<SteadyTime> Revoker::Impl::round() {
    SteadyTime next = parts.clock.steady() + idle;
    std::map<RowName, connect::Backoff> still;
    GrantKey after;
    for (;;) {
        auto rows =
            co_await parts.store.grants().in_state(State::revoking, after, page, for_store());
        if (!rows.has_value()) {
            parts.log.write(Level::warning, "revocations_not_listed",
                            {{"code", rows.error().code}});
            co_return next;
        }
        if (rows->empty()) break;
        after = rows->back().key;
        for (GrantRow& row : *rows) {
            if (alarm->stopped()) co_return next;
            const RowName name = name_of(row.key);
            const std::string server = server_of(row);
            connect::Backoff own = grants[name];
            const auto now = parts.clock.steady();
            const SteadyTime due = std::max(own.due(), servers[server].due());
            if (due > now) {
                still[name] = own;
                next = std::min(next, due);
                continue;
            }
            auto settled = co_await give_back(std::move(row));
            if (settled.has_value()) {
                servers.erase(server);
                continue;
            }
            const auto pause = settled.error().retry_after.value_or(std::chrono::seconds{0});
            own.failed(parts.clock.steady(), parts.random, pause);
            servers[server].failed(parts.clock.steady(), parts.random, pause);
            next = std::min(next, std::max(own.due(), servers[server].due()));
            still[name] = own;
        }
    }
    if (still.empty()) servers.clear();
    grants = std::move(still);
    co_return next;
}

Async<void> Revoker::Impl::forget() {
    if (parts.clock.steady() < forget_at) co_return;
    forget_at = parts.clock.steady() + forget_every;
    auto forgotten =
        co_await parts.store.grants().forget_revoked(parts.clock.wall() - kept_for, for_store());
    if (!forgotten.has_value())
        parts.log.write(Level::warning, "revoked_not_forgotten",
                        {{"code", forgotten.error().code}});
}

Async<void> Revoker::Impl::run([[maybe_unused]] std::shared_ptr<Impl> self) {
    while (!self->alarm->stopped()) {
        const auto next = co_await self->round();
        co_await self->forget();
        const auto soonest = self->parts.clock.steady() + shortest_rest;
        co_await connect::Alarm::sleep(self->alarm, std::max(next, soonest));
    }
}

}  // namespace latchkey
