#include "tests/simulation/plan.h"

#include <fmt/format.h>

namespace latchkey::simulation {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

Plan::Plan(std::uint64_t which)
    : seed(which), dice(which * 0x2545f4914f6cdd1d + 0x6c62272e07bb0142) {
    Dice& d = dice;
    const auto some = [&](std::uint64_t one_in, int light, int heavy) {
        if (!d.one_in(one_in)) return 0;
        return static_cast<int>(d.one_in(4) ? d.between(light, heavy) : d.between(1, light));
    };
    const auto every = [&](std::uint64_t one_in, milliseconds low, milliseconds high) {
        return d.one_in(one_in) ? d.between(low, high) : 0ms;
    };
    nodes = static_cast<int>(d.one_in(6) ? d.between(2, 7) : d.between(2, 3));
    grants = static_cast<int>(d.one_in(16) ? d.between(8, 50) : d.between(1, 5));
    trouble = std::chrono::seconds{d.one_in(4) ? d.between(60, 180) : d.between(25, 70)};
    ask_every = d.one_in(8) ? d.between(150ms, 900ms) : d.between(900ms, 8000ms);
    refused = static_cast<int>(d.between(50, 900));
    times.resolve_every = d.one_in(4) ? d.between(1000ms, 3000ms) : d.between(3000ms, 9000ms);
    times.remember = milliseconds{d.one_of({0, 1000, 5000})};
    times.rotate_at_most_every = milliseconds{d.one_of({0, 1000, 10000, 60000})};

    crash_every = every(3, 4s, 60s);
    crash_at_point = some(3, 300, 900);
    power_cuts = d.one_in(2);
    freeze_every = every(4, 5s, 60s);
    freeze_most = d.one_of({2500ms, 40000ms, 150000ms});
    clock_jump_every = every(6, 5s, 60s);
    journal_full = some(10, 100, 500);

    net_most = d.one_of({5ms, 40ms, 900ms});
    unreachable = some(6, 100, 600);
    request_lost = some(4, 80, 400);
    request_late = some(6, 80, 400);
    answer_lost = some(4, 80, 400);
    answer_late = some(6, 80, 400);
    answer_cut = some(6, 80, 400);
    server_error = some(6, 80, 400);
    strange_answer = some(8, 60, 300);
    silence = static_cast<int>(d.between(0, 1000));

    refresh_latency_ms = d.one_in(3) ? static_cast<int>(d.between(10, 3000)) : 0;
    rotation = !d.one_in(8);
    old_access_dies = d.one_in(4);
    rotation_switch_every = every(8, 10s, 60s);
    user_revokes_every = every(10, 20s, 90s);

    store_most = d.one_of({1ms, 4ms, 300ms});
    store_slow = some(6, 30, 200);
    store_unavailable = some(5, 60, 400);
    store_unknown = some(4, 60, 400);
    outage_every = every(6, 15s, 90s);
    failover_every = every(4, 10s, 90s);
    failover_loses = d.one_in(2);
    restore_every = every(12, 20s, 120s);

    reconnect_every = every(8, 10s, 60s);
    revoke_every = every(10, 20s, 90s);

    steps_struck = some(8, 40, 250);
    rush = d.one_in(6);

    asked = !d.one_in(8);
    reauth = d.one_in(4);
    if (!asked) times.second_use_after = times.quiet + d.between(1000ms, 30000ms);
}

std::string Plan::text() const {
    return fmt::format(
        "nodes {} grants {} trouble {}s ask {}ms refused {} resolve {}ms remember {}ms budget {}ms "
        "| "
        "crash {}ms at-point {} power {} freeze {}ms<{}ms jump {}ms full {} | net {}ms dial {} "
        "req-lost {} req-late {} ans-lost {} ans-late {} cut {} 5xx {} strange {} silence {} | "
        "latency {}ms rotation {} old-dies {} switch {}ms user-revokes {}ms | store {}ms slow {} "
        "away {} unknown {} outage {}ms failover {}ms loses {} restore {}ms struck {} | reconnect "
        "{}ms revoke {}ms rush {} | asked {} reauth {}",
        nodes, grants, trouble.count(), ask_every.count(), refused, times.resolve_every.count(),
        times.remember.count(), times.rotate_at_most_every.count(), crash_every.count(),
        crash_at_point, power_cuts, freeze_every.count(), freeze_most.count(),
        clock_jump_every.count(), journal_full, net_most.count(), unreachable, request_lost,
        request_late, answer_lost, answer_late, answer_cut, server_error, strange_answer, silence,
        refresh_latency_ms, rotation, old_access_dies, rotation_switch_every.count(),
        user_revokes_every.count(), store_most.count(), store_slow, store_unavailable,
        store_unknown, outage_every.count(), failover_every.count(), failover_loses,
        restore_every.count(), steps_struck, reconnect_every.count(), revoke_every.count(), rush,
        asked, reauth);
}

}  // namespace latchkey::simulation
