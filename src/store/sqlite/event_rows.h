#pragma once

#include <optional>

#include "store/event_store.h"
#include "store/sqlite/database.h"

namespace latchkey::sqlite {

/// Puts what a change raised, if it raised anything, into the outbox; inside the change's
/// transaction.
void insert_event(Database& database, const std::optional<ConnectionEvent>& event, WallTime now);

}  // namespace latchkey::sqlite
