#pragma once

#include "emulator/data/answers.h"
#include "emulator/data/call.h"
#include "emulator/data/records.h"
#include "emulator/data/soql_bind.h"

namespace latchkey::emulator::rest {

/// Splits "Name, Owner.Name" into what is to be shown; Id comes last where it was not asked for.
/// errors  those of bind_soql
Outcome<std::vector<Selected>> select_fields(std::string_view wanted, const ObjectDef& object,
                                             WallTime now);
std::vector<Selected> select_all(const ObjectDef& object);

/// The rows, not deleted, that have this text in a text field.
std::vector<std::size_t> rows_with(const Table& table, std::size_t field, const std::string& value);

/// Everything below sobjects: the list, one object, its describe, records by id and by external id.
Reply answer_sobjects(const Call& call, Org& org);

}  // namespace latchkey::emulator::rest
