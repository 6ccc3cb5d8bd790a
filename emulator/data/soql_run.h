#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "emulator/data/records.h"
#include "emulator/data/soql_bind.h"

namespace latchkey::emulator::rest {

/// The rows that the query answers, in its order, with LIMIT and OFFSET applied. Without ORDER BY
/// rows come in order of creation.
/// deleted_too  queryAll: rows in the recycle bin are answered as well
std::vector<std::size_t> run_soql(const BoundQuery& query, Org& org, bool deleted_too);

/// Whether a text fits a LIKE pattern: % any characters, _ one, '\' takes the next as it is.
/// ASCII letters compare without case; _ takes one UTF-8 sequence. Linear but for text.size() times
/// the pattern in the worst case.
bool matches_like(std::string_view text, std::string_view pattern);

}  // namespace latchkey::emulator::rest
