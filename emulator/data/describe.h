#pragma once

#include <string_view>

#include <boost/json/fwd.hpp>

#include "emulator/data/schema.h"

namespace latchkey::emulator::rest {

/// What an object can do, as an element of sobjects[]. `base` is "/services/data/v68.0".
boost::json::object describe_briefly(const ObjectDef& object, std::string_view base);

/// The same with fields and child relationships.
boost::json::object describe_fully(const ObjectDef& object, std::string_view base);

}  // namespace latchkey::emulator::rest
