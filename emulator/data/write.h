#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include "emulator/data/answers.h"
#include "emulator/data/call.h"
#include "emulator/data/records.h"

namespace latchkey::emulator::rest {

/// An external id that stands in the path.
struct PathKey {
    std::size_t field;
    std::string value;
};

/// The request's body as a JSON object.
/// errors  400 JSON_PARSER_ERROR; 415 UNSUPPORTED_MEDIA_TYPE
Outcome<boost::json::object> read_body(const Call& call);

/// Makes a record of its fields' JSON.
/// key     must not be among the fields too; may be nullptr
/// errors  400 INVALID_FIELD, INVALID_FIELD_FOR_INSERT_UPDATE, REQUIRED_FIELD_MISSING,
///         STRING_TOO_LONG, MALFORMED_ID, INVALID_CROSS_REFERENCE_KEY, INVALID_EMAIL_ADDRESS,
///         NUMBER_OUTSIDE_VALID_RANGE, INVALID_TYPE_FOR_OPERATION, STORAGE_LIMIT_EXCEEDED
/// returns its row
Outcome<std::size_t> create_record(const Call& call, Org& org, const ObjectDef& object,
                                   const boost::json::object& fields, const PathKey* key);

/// Changes the fields that are named.
/// errors  as create_record
std::optional<ApiError> update_record(const Call& call, Org& org, const ObjectDef& object,
                                      const boost::json::object& fields, std::size_t row,
                                      const PathKey* key);

/// Puts the record into the recycle bin, and with it those that cannot be without it.
/// errors  400 INVALID_TYPE_FOR_OPERATION
std::optional<ApiError> delete_record(const Call& call, Org& org, const ObjectDef& object,
                                      std::size_t row);

}  // namespace latchkey::emulator::rest
