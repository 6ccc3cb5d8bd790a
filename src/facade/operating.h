#pragma once

#include <cstddef>
#include <cstdint>

#include <vector>

#include <latchkey/event.h>
#include <latchkey/kill_switch.h>
#include <latchkey/sealing_key.h>
#include <latchkey/status.h>

#include "facade/house.h"

/// What operators ask: acts of the face like those of acts.h.
namespace latchkey::acts {

/// The one place where the rooms' health is gathered. Never an error: what is wrong is in the status.
Task<Status> status(House& house, Deadline by);
/// errors  bad_input invalid_limit (1 to 500), invalid_after (not negative)
Task<EventList> events(House& house, std::int64_t after, std::size_t limit, Deadline by);

/// Reads every grant, to count. errors  those of Store
Task<SealingKeys> sealing_keys(House& house, Deadline by);
/// errors  conflict key_change_under_way
Task<SealingKey> change_sealing_key(House& house, Deadline by);

Task<std::vector<KillSwitch>> kill_switches(House& house, Deadline by);
/// errors  bad_input invalid_reason · not_found unknown_provider
Task<KillSwitch> turn_on_kill_switch(House& house, KillSwitch wish, Deadline by);
/// The switch as it was. errors  not_found kill_switch_not_found
Task<KillSwitch> turn_off_kill_switch(House& house, ProviderId provider, Deadline by);

}  // namespace latchkey::acts
