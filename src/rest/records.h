#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/records.h>

#include "rest/place.h"

/// Records by id and by external id, alone and together, as calls of the REST API. Each function is
/// one call. `port` is held until the call is done.
namespace latchkey::rest {

inline constexpr std::size_t most_written = 200;
inline constexpr std::size_t most_read = 2000;
inline constexpr std::size_t most_parts = 25;

Task<std::string> create(Place place, std::string object, Fields fields, Deadline by);
Task<Record> read(Place place, std::string object, std::string id, std::vector<std::string> fields,
                  Deadline by);
Task<bool> update(Place place, std::string object, std::string id, Fields fields, Deadline by);
Task<Upserted> upsert(Place place, std::string object, std::string key_field, std::string key,
                      Fields fields, Deadline by);
Task<bool> remove(Place place, std::string object, std::string id, Deadline by);

Task<std::vector<RowResult>> create_many(Place place, std::string object,
                                         std::vector<Fields> records, bool all_or_none,
                                         Deadline by);
Task<std::vector<RowResult>> update_many(Place place, std::string object,
                                         std::vector<KeyedFields> records, bool all_or_none,
                                         Deadline by);
Task<std::vector<RowResult>> upsert_many(Place place, std::string object, std::string key_field,
                                         std::vector<KeyedFields> records, bool all_or_none,
                                         Deadline by);
Task<std::vector<RowResult>> remove_many(Place place, std::vector<std::string> ids,
                                         bool all_or_none, Deadline by);
Task<std::vector<std::optional<Record>>> read_many(Place place, std::string object,
                                                   std::vector<std::string> ids,
                                                   std::vector<std::string> fields, Deadline by);

Task<std::vector<CompositeAnswer>> composite(Place place, std::vector<CompositePart> parts,
                                             bool all_or_none, Deadline by);
Task<Record> describe(Place place, std::string object, Deadline by);
Task<OrgLimits> limits(Place place, Deadline by);

}  // namespace latchkey::rest
