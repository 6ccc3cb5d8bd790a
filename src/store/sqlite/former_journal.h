#pragma once

#include <functional>

#include <latchkey/error.h>

#include "store/journal/file_journal.h"
#include "store/sqlite/database.h"

namespace latchkey::sqlite {

/// Versions of the schema before this one kept the node's journal in a table of the database.
inline constexpr std::int64_t first_without_journal = 3;

/// Gives that table's records to `to`, if this database has one. They are in two places then, until
/// the next migration drops the table: so a process that dies in between loses nothing, and the next
/// one gives them again. To be called before `migrate`.
///
/// errors  those of `to`; internal storage_failed: there are records, and nobody takes them
/// Throws Failure.
Result<void> hand_over_journal(Database& database,
                               const std::function<Result<void>(const FormerJournal&)>& to);

}  // namespace latchkey::sqlite
