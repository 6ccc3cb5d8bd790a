#pragma once

#include <cstddef>
#include <cstdint>

#include <latchkey/event.h>
#include <latchkey/status.h>

#include "facade/house.h"

/// What operators ask: acts of the face like those of acts.h.
namespace latchkey::acts {

/// The one place where the rooms' health is gathered. Never an error: what is wrong is in the status.
Task<Status> status(House& house, Deadline by);
/// errors  bad_input invalid_limit (1 to 500), invalid_after (not negative)
Task<EventList> events(House& house, std::int64_t after, std::size_t limit, Deadline by);

}  // namespace latchkey::acts
