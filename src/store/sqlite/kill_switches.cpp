#include "store/errors.h"
#include "store/kill_switch_rules.h"
#include "store/sqlite/ports.h"

namespace latchkey::sqlite {
namespace {

KillSwitch read_switch(Statement& row) {
    KillSwitch found;
    found.provider = ProviderId{row.text()};
    found.since = row.time();
    found.reason = row.text();
    found.revokes = row.number() != 0;
    found.swept = row.number() != 0;
    return found;
}

class KillSwitches final : public KillSwitchStore {
public:
    explicit KillSwitches(Bench& bench) : bench_(bench) {}

    Task<std::vector<KillSwitch>> list(Deadline by) override {
        return bench_.worker.read<std::vector<KillSwitch>>(
            [](Database& database) -> Result<std::vector<KillSwitch>> {
                auto found = database.prepare(
                    "SELECT provider, since, reason, revokes, swept FROM kill_switches"
                    " WHERE tenant = ? ORDER BY provider");
                found.bind(default_tenant);
                std::vector<KillSwitch> on;
                while (found.step()) on.push_back(read_switch(found));
                return on;
            },
            by);
    }

    Task<KillSwitch> turn_on(KillSwitch wish, Deadline by) override {
        return bench_.worker.write<KillSwitch>(
            [wish](Database& database) -> Result<KillSwitch> {
                auto next = wish;
                {
                    auto found = database.prepare(
                        "SELECT provider, since, reason, revokes, swept FROM kill_switches"
                        " WHERE tenant = ? AND provider = ?");
                    if (found.bind(default_tenant).bind(wish.provider.text).step())
                        next = kill_switch_rules::turn_on(read_switch(found), wish);
                }
                database.prepare("INSERT OR REPLACE INTO kill_switches VALUES (?, ?, ?, ?, ?, ?)")
                    .bind(default_tenant)
                    .bind(next.provider.text)
                    .bind(next.since)
                    .bind(next.reason)
                    .bind(std::int64_t{next.revokes})
                    .bind(std::int64_t{next.swept})
                    .run();
                return next;
            },
            by);
    }

    Task<void> note_swept(ProviderId provider, Deadline by) override {
        return bench_.worker.write<void>(
            [provider](Database& database) -> Result<void> {
                database
                    .prepare(
                        "UPDATE kill_switches SET swept = revokes"
                        " WHERE tenant = ? AND provider = ?")
                    .bind(default_tenant)
                    .bind(provider.text)
                    .run();
                return {};
            },
            by);
    }

    Task<void> turn_off(ProviderId provider, Deadline by) override {
        return bench_.worker.write<void>(
            [provider](Database& database) -> Result<void> {
                database.prepare("DELETE FROM kill_switches WHERE tenant = ? AND provider = ?")
                    .bind(default_tenant)
                    .bind(provider.text)
                    .run();
                if (database.changes() == 0) return store_error::no_kill_switch();
                return {};
            },
            by);
    }

private:
    Bench& bench_;
};

}  // namespace

std::unique_ptr<KillSwitchStore> make_kill_switches(Bench& bench) {
    return std::make_unique<KillSwitches>(bench);
}

}  // namespace latchkey::sqlite
