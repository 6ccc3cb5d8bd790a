#pragma once

#include <boost/json/fwd.hpp>

#include "emulator/data/answers.h"
#include "emulator/data/records.h"

namespace latchkey::emulator::rest {

/// The field's new content out of a request's JSON.
/// errors  as create_record's of one field
Outcome<Value> value_from_json(Org& org, const FieldDef& field, const boost::json::value& from);

}  // namespace latchkey::emulator::rest
