#pragma once

#include <string_view>

#include "store/postgres/link.h"

namespace latchkey::postgres {

/// SQLSTATEs that the schema's own functions raise (migrations.cpp).
inline constexpr const char* unknown_system_state = "LK001";
inline constexpr const char* not_durable_state = "LK002";

/// What a refused connection means, by its SQLSTATE; without one the database cannot be reached.
///   storage_login        user, password or pg_hba.conf
///   storage_no_database  the server has no such database
Error error_of_login(std::string_view state, bool password_missing);

/// What an outcome that is not `done` means: storage_unavailable or storage_read_only where nothing
/// was changed, storage_outcome_unknown where a write may have been, storage_unknown for another
/// database than ours, storage_damaged.
Error error_of(const Outcome& outcome, bool writes);

}  // namespace latchkey::postgres
