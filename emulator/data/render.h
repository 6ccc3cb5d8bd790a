#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include "emulator/data/records.h"
#include "emulator/data/soql_bind.h"

namespace latchkey::emulator::rest {

/// Where a record lives: base + "/sobjects/Account/001...".
std::string record_url(std::string_view base, const ObjectDef& object, std::string_view id);

/// A record with its "attributes" and what is selected, related records nested.
/// base  "/services/data/v68.0"
boost::json::object show_record(Org& org, const Table& table, std::size_t row,
                                const std::vector<Selected>& selected, std::string_view base);

/// What `columns=true` answers instead of records. source: as `sf data query` reads it
boost::json::object show_columns(const BoundQuery& query);

}  // namespace latchkey::emulator::rest
