#include "vault/vault.h"

#include <utility>

#include "vault/bindings.h"

namespace latchkey {
namespace {

/// How often a sealing is repeated when another writer keeps advancing the access generation: each
/// turn means that somebody else stored an access token, which takes them a round trip.
constexpr int most_repeats = 8;

bool is(const Error& error, std::string_view code) {
    return error.code == code;
}

Error moved_on() {
    return Error{Fault::conflict, "settle_conflict",
                 "The grant has moved on since the attempt. Read it and decide again."};
}

}  // namespace

struct Vault::Impl {
    Impl(Store& s, Journal& j, const KeyRing& k, std::string installation, Random& r, Clock& c)
        : store(s), journal(j), keys(k), bindings(std::move(installation)), random(r), clock(c) {}

    Store& store;
    Journal& journal;
    const KeyRing& keys;
    Bindings bindings;
    Random& random;
    Clock& clock;

    /// A row with its tokens readable. A token that is not there stays absent or empty.
    Result<Grant> opened(GrantRow row) const {
        Grant grant;
        if (row.refresh_token) {
            auto token = keys.open(bindings.refresh_token(row.key, row.grant_generation),
                                   *row.refresh_token);
            if (!token) return token.error();
            grant.refresh_token = std::move(*token);
        }
        if (row.access_token) {
            auto token =
                keys.open(bindings.access_token(row.key, row.generation), *row.access_token);
            if (!token) return token.error();
            grant.access_token = std::move(*token);
        }
        grant.row = std::move(row);
        return grant;
    }

    Result<Sealed> seal_refresh(const GrantKey& key, GrantGeneration at,
                                const Secret& token) const {
        return keys.seal(bindings.refresh_token(key, at), token, random);
    }
    Result<Sealed> seal_access(const GrantKey& key, Generation at, const Secret& token) const {
        return keys.seal(bindings.access_token(key, at), token, random);
    }

    /// Seals what an answer brought for the generations that follow `seen`.
    Result<void> fill(Settlement& outcome, const FreshTokens& fresh) const {
        outcome.instance_url = fresh.instance_url;
        outcome.scopes = fresh.scopes;
        outcome.received_at = fresh.received_at;
        outcome.expires_at = fresh.expires_at;
        outcome.quarantine = fresh.quarantine;
        outcome.confirmed = fresh.confirmed;
        if (outcome.kind == Settlement::Kind::rotated) {
            auto sealed =
                seal_refresh(outcome.key, outcome.grant_generation.next(), *fresh.refresh_token);
            if (!sealed) return sealed.error();
            outcome.refresh_token = std::move(*sealed);
        }
        // Salvage can bring a refresh token alone.
        if (fresh.access_token.empty()) return {};
        auto sealed = seal_access(outcome.key, outcome.generation.next(), fresh.access_token);
        if (!sealed) return sealed.error();
        outcome.access_token = std::move(*sealed);
        return {};
    }

    /// Whether this very answer has been stored by an earlier call whose outcome was not known.
    bool has(const Grant& grant, const Settlement& outcome, const FreshTokens& fresh) const {
        if (outcome.kind == Settlement::Kind::rotated)
            return grant.row.grant_generation == outcome.grant_generation.next() &&
                   grant.refresh_token && grant.refresh_token->same_as(*fresh.refresh_token);
        return grant.row.grant_generation == outcome.grant_generation &&
               grant.row.generation > outcome.generation &&
               grant.access_token.same_as(fresh.access_token);
    }
};

Vault::Vault(Store& store, Journal& journal, const KeyRing& keys, std::string installation,
             Random& random, Clock& clock)
    : impl_(std::make_shared<Impl>(store, journal, keys, std::move(installation), random, clock)) {}

Task<Grant> Vault::open(ConnectionId connection, Deadline by) {
    auto row = co_await impl_->store.grants().find(std::move(connection), by);
    if (!row) co_return row.error();
    co_return impl_->opened(std::move(*row));
}

Task<Grant> Vault::open(GrantKey key, Deadline by) {
    auto row = co_await impl_->store.grants().find(std::move(key), by);
    if (!row) co_return row.error();
    co_return impl_->opened(std::move(*row));
}

Task<Claim> Vault::claim(Grant seen, Deadline by) {
    AttemptId attempt{random_hex128(impl_->random)};
    auto row = co_await impl_->store.grants().claim(seen.row.key, seen.row.grant_generation,
                                                    attempt, impl_->journal.node(), by);
    if (!row) co_return row.error();
    auto grant = impl_->opened(*row);
    if (grant) {
        Claim claim;
        claim.grant = std::move(*grant);
        co_return claim;
    }
    // Nothing can be sent that cannot be read: the claim is given back, or the row would wait for a
    // take-over that has nothing to find out.
    Settlement unused;
    unused.kind = Settlement::Kind::not_consumed;
    unused.key = row->key;
    unused.grant_generation = row->grant_generation;
    unused.generation = row->generation;
    unused.attempt = row->attempt;
    unused.reason = row->reason;
    auto given_back = co_await impl_->store.grants().settle(std::move(unused), by);
    if (!given_back) co_return given_back.error();
    co_return grant.error();
}

Task<std::int64_t> Vault::note(Claim claim, Secret packed_answer, Deadline by) {
    const GrantRow& row = claim.grant.row;
    JournalRecord record;
    record.key = row.key;
    record.grant_generation = row.grant_generation;
    record.generation = row.generation;
    record.attempt = row.attempt;
    record.timeline = row.timeline;
    record.at = impl_->clock.wall();
    auto sealed = impl_->keys.seal(impl_->bindings.answer(record), packed_answer, impl_->random);
    if (!sealed) co_return sealed.error();
    record.answer = std::move(*sealed);
    auto number = co_await impl_->journal.append(std::move(record), by);
    co_return number;
}

Task<std::int64_t> Vault::note_exchange(GrantKey key, FlowId flow, Secret packed_answer,
                                        Deadline by) {
    JournalRecord record;
    record.key = std::move(key);
    record.grant_generation = GrantGeneration{0};
    record.flow = std::move(flow);
    record.at = impl_->clock.wall();
    auto sealed = impl_->keys.seal(impl_->bindings.answer(record), packed_answer, impl_->random);
    if (!sealed) co_return sealed.error();
    record.answer = std::move(*sealed);
    auto number = co_await impl_->journal.append(std::move(record), by);
    co_return number;
}

Task<std::vector<NotedAnswer>> Vault::noted(std::int64_t after, std::size_t limit, Deadline by) {
    auto records = co_await impl_->journal.read(after, limit, by);
    if (!records) co_return records.error();
    std::vector<NotedAnswer> answers;
    for (auto& record : *records) {
        NotedAnswer answer;
        auto packed = impl_->keys.open(impl_->bindings.answer(record), record.answer);
        if (packed)
            answer.packed = std::move(*packed);
        else
            answer.unreadable = packed.error().code;
        record.answer = Sealed{};
        answer.record = std::move(record);
        answers.push_back(std::move(answer));
    }
    co_return answers;
}

Task<Grant> Vault::keep(Claim claim, FreshTokens fresh, Deadline by) {
    const Grant& spent = claim.grant;
    const bool rotated =
        fresh.refresh_token &&
        !(spent.refresh_token && spent.refresh_token->same_as(*fresh.refresh_token));
    Settlement outcome;
    outcome.kind = rotated ? Settlement::Kind::rotated : Settlement::Kind::access_only;
    outcome.key = spent.row.key;
    outcome.grant_generation = spent.row.grant_generation;
    outcome.generation = spent.row.generation;
    outcome.attempt = spent.row.attempt;
    outcome.claimed_on = spent.row.timeline;
    for (int turn = 0; turn < most_repeats; ++turn) {
        const auto filled = impl_->fill(outcome, fresh);
        if (!filled) co_return filled.error();
        Settlement sent = outcome;
        auto stored = co_await impl_->store.grants().settle(std::move(sent), by);
        if (stored) co_return impl_->opened(std::move(*stored));
        if (!is(stored.error(), "settle_conflict")) co_return stored.error();

        auto row = co_await impl_->store.grants().find(outcome.key, by);
        if (!row) co_return row.error();
        auto now = impl_->opened(std::move(*row));
        if (!now) co_return now.error();
        if (impl_->has(*now, outcome, fresh)) co_return std::move(*now);
        const bool access_alone = now->row.grant_generation == outcome.grant_generation &&
                                  now->row.generation > outcome.generation;
        if (!access_alone) co_return stored.error();
        outcome.generation = now->row.generation;
    }
    co_return moved_on();
}

Task<GrantRow> Vault::settle(Claim claim, Settlement::Kind kind, std::string reason, Deadline by) {
    Settlement outcome;
    outcome.kind = kind;
    outcome.key = claim.grant.row.key;
    outcome.grant_generation = claim.grant.row.grant_generation;
    outcome.generation = claim.grant.row.generation;
    outcome.attempt = claim.grant.row.attempt;
    outcome.reason = std::move(reason);
    auto row = co_await impl_->store.grants().settle(std::move(outcome), by);
    co_return row;
}

Task<GrantRow> Vault::apply_noted(NotedAnswer noted, FreshTokens fresh, Deadline by) {
    const JournalRecord& record = noted.record;
    auto row = co_await impl_->store.grants().find(record.key, by);
    if (!row) co_return row.error();
    auto now = impl_->opened(*row);
    // What is in the way does not open; the journal's token may be all that is left of the grant.
    const bool same_token = now && now->refresh_token && fresh.refresh_token &&
                            now->refresh_token->same_as(*fresh.refresh_token);
    const bool rotated = fresh.refresh_token && !same_token;

    Settlement outcome;
    outcome.kind = rotated ? Settlement::Kind::rotated : Settlement::Kind::access_only;
    outcome.key = record.key;
    outcome.grant_generation = record.grant_generation;
    // A rotated answer is worth storing whatever access tokens have come since; one with an access
    // token alone only if none has.
    outcome.generation = record.generation;
    if (rotated && row->generation > outcome.generation) outcome.generation = row->generation;
    outcome.attempt = record.attempt;
    outcome.claimed_on = record.timeline;
    outcome.reason = "recovered";
    fresh.confirmed = false;
    const auto filled = impl_->fill(outcome, fresh);
    if (!filled) co_return filled.error();
    auto stored = co_await impl_->store.grants().settle(std::move(outcome), by);
    co_return stored;
}

Task<void> Vault::keep_candidate(GrantRow facts, FreshTokens fresh, Deadline by) {
    facts.grant_generation = GrantGeneration{1};
    facts.generation = Generation{1};
    facts.refresh_token.reset();
    if (fresh.refresh_token) {
        auto sealed = impl_->seal_refresh(facts.key, facts.grant_generation, *fresh.refresh_token);
        if (!sealed) co_return sealed.error();
        facts.refresh_token = std::move(*sealed);
    }
    auto sealed = impl_->seal_access(facts.key, facts.generation, fresh.access_token);
    if (!sealed) co_return sealed.error();
    facts.access_token = std::move(*sealed);
    if (!fresh.instance_url.empty()) facts.instance_url = fresh.instance_url;
    if (!fresh.scopes.empty()) facts.scopes = fresh.scopes;
    if (!fresh.quarantine.empty()) facts.quarantine = fresh.quarantine;
    facts.access_received_at = fresh.received_at;
    facts.access_expires_at = fresh.expires_at;
    auto added = co_await impl_->store.grants().add_candidate(std::move(facts), by);
    co_return added;
}

Task<Connection> Vault::promote(GrantKey candidate, Connection facts, Deadline by) {
    auto row = co_await impl_->store.grants().find(candidate, by);
    if (!row) co_return row.error();
    auto grant = impl_->opened(std::move(*row));
    if (!grant) co_return grant.error();
    for (int turn = 0; turn < most_repeats; ++turn) {
        Generation seen{0};
        auto current = co_await impl_->store.grants().find(candidate.connection, by);
        if (current) {
            if (current->key == candidate) {
                // Done by an earlier call whose outcome was not known.
                auto shown = co_await impl_->store.connections().find(candidate.connection, by);
                co_return shown;
            }
            seen = current->generation;
        } else if (!is(current.error(), "connection_not_found")) {
            co_return current.error();
        }
        auto sealed = impl_->seal_access(candidate, seen.next(), grant->access_token);
        if (!sealed) co_return sealed.error();
        Sealed token = std::move(*sealed);
        auto shown =
            co_await impl_->store.grants().promote(candidate, facts, seen, std::move(token), by);
        if (shown || !is(shown.error(), "promote_conflict")) co_return shown;
    }
    co_return Error{Fault::conflict, "promote_conflict",
                    "The connection's generation keeps moving. Try again."};
}

Result<Sealed> Vault::seal_for_flow(const FlowId& flow, std::string_view column,
                                    const Secret& value) {
    return impl_->keys.seal(impl_->bindings.flow(flow, column), value, impl_->random);
}

Result<Secret> Vault::open_for_flow(const FlowId& flow, std::string_view column,
                                    const Sealed& value) {
    return impl_->keys.open(impl_->bindings.flow(flow, column), value);
}

}  // namespace latchkey
