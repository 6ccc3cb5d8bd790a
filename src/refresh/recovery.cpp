#include <utility>

#include "refresh/refresher_impl.h"

// At the start, before anything is served: what the process before left half done. Everything found
// goes through UNCERTAIN, because a database that was put back may be older than it looks.

namespace latchkey {
namespace {

constexpr std::size_t page = 200;
/// 14 days of answers at the fastest rate a node can make; beyond it something else is wrong.
constexpr int pages_most = 1000000;

Error too_many() {
    return {Fault::internal, "storage_damaged",
            "Reading what was left over does not end. Check the store."};
}

}  // namespace

Task<void> Refresher::Impl::recover([[maybe_unused]] std::shared_ptr<Impl> self, Deadline by) {
    auto present = co_await read_timeline(by);
    if (!present) co_return present.error();
    auto doubted = co_await doubt_interrupted(by);
    if (!doubted) co_return doubted.error();
    recovered.reset();
    auto applied = co_await apply_journal(by);
    co_return applied;
}

Task<void> Refresher::Impl::doubt_interrupted(Deadline by) {
    GrantKey after;
    for (int i = 0; i < pages_most; ++i) {
        auto rows = co_await parts.store.grants().in_state(State::in_flight, after, page, by);
        if (!rows) co_return rows.error();
        for (const auto& row : *rows) {
            after = row.key;
            if (row.attempt_node != parts.journal.node()) continue;
            Move change;
            change.key = row.key;
            change.grant_generation = row.grant_generation;
            change.from = State::in_flight;
            change.attempt = row.attempt;
            change.to = State::uncertain;
            change.reason = protocol::interrupted_reason(row);
            auto moved = co_await parts.store.grants().move(change, by);
            if (!moved && moved.error().code != "move_conflict") co_return moved.error();
            if (!moved) continue;
            watch(*moved);
            say(Level::warning, "refresh_interrupted", *moved, "uncertain");
        }
        if (rows->size() < page) co_return Result<void>{};
    }
    co_return too_many();
}

Task<void> Refresher::Impl::apply_journal(Deadline by) {
    auto present = co_await read_timeline(by);
    if (!present) co_return present.error();
    Recovered found;
    found.on = *present;
    std::int64_t after = 0;
    for (int i = 0; i < pages_most; ++i) {
        auto records = co_await parts.vault.noted(after, page, by);
        if (!records) co_return records.error();
        for (auto& noted : *records) {
            after = noted.record.number;
            auto applied = co_await recover_record(std::move(noted), *present, by);
            if (applied) {
                parts.stops.reached("CP32");
                continue;
            }
            if (applied.error().code != "store_put_back") co_return applied.error();
            found.standstill = applied.error();
            parts.log.write(Level::error, "store_put_back", {Field{"timeline", present->text}});
            recovered = std::move(found);
            co_return Result<void>{};
        }
        if (records->size() < page) {
            if (!recovered || recovered->on != found.on) sweeping = true;
            recovered = std::move(found);
            co_return Result<void>{};
        }
    }
    co_return too_many();
}

Task<void> Refresher::Impl::recover_record(NotedAnswer noted, Timeline present, Deadline by) {
    const auto record = noted.record;
    if (!record.flow.empty()) co_return Result<void>{};
    if (auto older = protocol::put_back(present, record, false)) co_return *older;
    // An attempt of this process that is being settled is looked after already.
    const auto own = spending.find(record.key.connection);
    if (own != spending.end() && own->second == record.attempt) {
        passed_over = true;
        co_return Result<void>{};
    }
    auto row = co_await parts.store.grants().find(record.key, by);
    if (!row && row.error().fault == Fault::not_found) co_return Result<void>{};
    if (!row) co_return row.error();
    if (record.closed && row->grant_generation > record.grant_generation) co_return Result<void>{};

    auto raw = RawAnswer::unpack(noted.packed.reveal());
    auto provider = parts.providers.find(row->provider);
    auto grant = co_await parts.vault.open(record.key, by);
    const bool unreadable =
        !grant && (grant.error().code == "corrupt" || grant.error().code == "key_unavailable");
    if (!grant && !unreadable) co_return grant.error();
    if (!raw || !provider || !grant) {
        // Kept, reported, and in nobody's way: the next start tries again.
        parts.meter.count("journal_replays_total", {Label{"result", "unusable"}});
        say(Level::error, "journal_record_unusable", *row,
            !raw ? (noted.unreadable.empty() ? "damaged" : noted.unreadable)
                 : (!provider ? std::string{"unknown_provider"} : grant.error().code));
        co_return Result<void>{};
    }
    auto login = protocol::login_of(*provider, *row);
    if (!login) {
        say(Level::error, "journal_record_unusable", *row, login.error().code);
        parts.meter.count("journal_replays_total", {Label{"result", "unusable"}});
        co_return Result<void>{};
    }
    const auto verdict = judge_refresh(*raw);
    const auto what = protocol::recovery_of(record, *row, verdict, grant->refresh_token);
    if (what == protocol::Recovery::apply) {
        if (auto older = protocol::put_back(present, record, true)) co_return *older;
        auto fresh = protocol::fresh_from(verdict, *row, *provider, *login, record.at);
        fresh.confirmed = false;
        auto applied = co_await parts.vault.apply_noted(noted, fresh, by);
        // The row has it: somebody was first, which is as good.
        if (!applied && applied.error().code == "settle_conflict") co_return Result<void>{};
        if (!applied) co_return applied.error();
        if (applied->state == State::uncertain) watch(*applied);
        say(Level::warning, "journal_recovered", *applied, name(applied->state));
        parts.meter.count("journal_replays_total", {Label{"result", "applied"}});
        co_return Result<void>{};
    }
    if (what == protocol::Recovery::give_up) {
        Claim claim;
        claim.grant = std::move(*grant);
        auto dead =
            co_await parts.vault.settle(claim, Settlement::Kind::dead, verdict.error.code, by);
        if (!dead && dead.error().fault != Fault::conflict) co_return dead.error();
        if (dead) {
            say(Level::warning, "connection_reauth_required", *dead, "dead");
            parts.meter.count("journal_replays_total", {Label{"result", "given_up"}});
        }
    }
    if (!record.closed && what != protocol::Recovery::skip) {
        auto closed = co_await parts.journal.close(record.number, by);
        co_return closed;
    }
    co_return Result<void>{};
}

}  // namespace latchkey
