#pragma once

#include <string>

#include "store/copied_tables.h"
#include "store/postgres/pool.h"

namespace latchkey::postgres {

/// Takes over the rows of another store, with its installation, in one transaction; rows that were
/// confirmed on the source's present history are confirmed on this database's. `from` must outlive the
/// call; it is asked on the pool's thread.
///
/// errors  conflict         store_not_empty: there are connections, sessions or API keys
///                          store_in_use: a node is there
///         outcome_unknown  storage_outcome_unknown: only if the commit was sent
///         those of `from`, and of store.h
Task<CopiedRows> take_in(Pool& pool, CopySource& from, Deadline by);

/// Whether this is that installation's database, for good: a copy that is under way is waited for, and
/// so is the standby that one which ended may lack. errors  those of store.h
Task<bool> holds(Pool& pool, std::string installation, Deadline by);

}  // namespace latchkey::postgres
