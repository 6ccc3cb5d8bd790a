#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <latchkey/error.h>

#include "base/random.h"
#include "store/sqlite/database.h"

namespace latchkey::sqlite {

/// "lkey": tells our files from those of other programs (PRAGMA application_id).
inline constexpr std::int64_t our_application_id = 0x6c6b6579;

/// One step of the schema: SQL that brings a database from the version before to this one.
using Migration = std::string_view;

/// The schema's history, oldest first; the first makes version 1. Steps are only ever added.
std::span<const Migration> migrations();

/// Brings the database to the newest version, each step in one transaction with its number in
/// `user_version`, so that a process that dies in between leaves the version before or after. Then
/// sees to it that the installation has its ids.
///
/// errors  misconfigured  store_too_new: made by a later latchkey
///                        store_foreign: a database of some other program
/// Throws Failure.
Result<void> migrate(Database& database, std::span<const Migration> steps, Random& random);

}  // namespace latchkey::sqlite
