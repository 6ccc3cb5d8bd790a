#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <latchkey/records.h>

#include <latchkey/error.h>

/// What the REST API answers to calls that write, read as values.
/// errors of all  outcome_unknown upstream_invalid_response: the call may have been done
namespace latchkey::salesforce {

/// {"id","success","errors"}, of a create or an upsert.
Result<Upserted> read_saved(std::string_view body);

/// The array that answers a collection; it must have as many elements as were sent.
Result<std::vector<RowResult>> read_results(std::string_view body, std::size_t sent);

/// The array that answers reading several; null for what is not there.
Result<std::vector<std::optional<Record>>> read_found(std::string_view body, std::size_t sent);

Result<std::vector<CompositeAnswer>> read_composite(std::string_view body);
Result<OrgLimits> read_limits(std::string_view body);

}  // namespace latchkey::salesforce
