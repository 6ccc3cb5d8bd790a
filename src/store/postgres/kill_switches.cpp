#include "store/errors.h"
#include "store/postgres/ports.h"

namespace latchkey::postgres {
namespace {

KillSwitch read_switch(Rows& row) {
    KillSwitch found;
    found.provider = ProviderId{row.text()};
    found.since = row.time();
    found.reason = row.text();
    found.revokes = row.truth();
    found.swept = row.truth();
    return found;
}

class KillSwitches final : public KillSwitchStore {
public:
    explicit KillSwitches(Bench& bench) : bench_(bench) {}

    Task<std::vector<KillSwitch>> list(Deadline by) override {
        auto question = reading(
            "SELECT provider, since, reason, revokes, swept FROM latchkey.kill_switches"
            " WHERE tenant = $1 ORDER BY provider");
        question.given.word(default_tenant);
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::vector<KillSwitch> on;
        while (found->next()) on.push_back(read_switch(*found));
        co_return on;
    }

    /// kill_switch_rules::turn_on in one statement, so that two who turn it on lose nothing.
    Task<KillSwitch> turn_on(KillSwitch wish, Deadline by) override {
        auto turn = writing(
            "INSERT INTO latchkey.kill_switches AS k"
            " (tenant, provider, since, reason, revokes, swept) SELECT $1, $2, $3, $4, $5, $6"
            " WHERE (SELECT latchkey.durable_timeline()) IS NOT NULL"
            " ON CONFLICT (tenant, provider) DO UPDATE SET"
            " reason = CASE WHEN excluded.reason = '' THEN k.reason ELSE excluded.reason END,"
            " swept = k.swept AND (k.revokes OR NOT excluded.revokes),"
            " revokes = k.revokes OR excluded.revokes"
            " RETURNING provider, since, reason, revokes, swept");
        turn.given.word(default_tenant)
            .bytes(wish.provider.text)
            .time(wish.since)
            .bytes(wish.reason)
            .truth(wish.revokes)
            .truth(wish.swept);
        auto done = co_await bench_.pool.ask(std::move(turn), by);
        if (!done) co_return done.error();
        if (!done->next()) co_return store_error::damaged("it took no kill switch");
        co_return read_switch(*done);
    }

    Task<void> note_swept(ProviderId provider, Deadline by) override {
        auto note = writing(
            "UPDATE latchkey.kill_switches SET swept = revokes WHERE tenant = $1 AND provider = $2"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1");
        note.given.word(default_tenant).bytes(provider.text);
        auto done = co_await bench_.pool.ask(std::move(note), by);
        if (!done) co_return done.error();
        co_return Result<void>{};
    }

    Task<void> turn_off(ProviderId provider, Deadline by) override {
        auto turn = writing(
            "DELETE FROM latchkey.kill_switches WHERE tenant = $1 AND provider = $2"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1");
        turn.given.word(default_tenant).bytes(provider.text);
        auto done = co_await bench_.pool.ask(std::move(turn), by);
        if (!done) co_return done.error();
        if (done->size() == 0) co_return store_error::no_kill_switch();
        co_return Result<void>{};
    }

private:
    Bench& bench_;
};

}  // namespace

std::unique_ptr<KillSwitchStore> make_kill_switches(Bench& bench) {
    return std::make_unique<KillSwitches>(bench);
}

}  // namespace latchkey::postgres
