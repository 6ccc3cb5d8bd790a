#pragma once

#include <latchkey/kill_switch.h>

/// What a call of KillSwitchStore makes of a row, for every adapter.
namespace latchkey::kill_switch_rules {

inline KillSwitch turn_on(KillSwitch known, const KillSwitch& wish) {
    if (!wish.reason.empty()) known.reason = wish.reason;
    if (wish.revokes && !known.revokes) known.swept = false;
    known.revokes = known.revokes || wish.revokes;
    return known;
}

}  // namespace latchkey::kill_switch_rules
