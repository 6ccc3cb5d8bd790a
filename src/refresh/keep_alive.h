#pragma once

#include <latchkey/ids.h>
#include <latchkey/status.h>
#include <latchkey/time.h>

#include "model/grant.h"
#include "refresh/plan_times.h"

/// When an idle grant is touched, and what would end if it were not. Pure.
namespace latchkey::keep_alive {

/// When this grant's refresh token was last used: that brought its access token.
WallTime last_use(const GrantRow& row);

/// The moment at which this grant is to be used although nobody asks. The same on every node and
/// after every restart, and as good as random among grants.
WallTime touch_at(const GrantRow& row, const PlanTimes& times);

/// Adds a grant to a forecast made at `into.made_at`. Only ACTIVE, current grants count.
void add(Forecast& into, const GrantRow& row, const PlanTimes& times);

}  // namespace latchkey::keep_alive
