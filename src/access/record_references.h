#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace latchkey {

/// The calls of one composite list that a later one may refer to by `@{name.id}`.
///
/// Only those whose answer certainly has the id of one record under that name: a call that makes a
/// record, and one that reads a record by its id. What a query answers is up to whoever wrote it, and
/// could be any part of a path.
/// source  REST API Developer Guide, "Composite", on reference ids
class RecordReferences {
public:
    /// Makes room for a call's name. False: it is taken, in any case.
    bool add(std::string_view name);
    /// What the call of that name does. `segments` are its path, decoded and split.
    void learn(std::string_view name, std::string_view method,
               const std::vector<std::string>& segments, std::string_view query);

    /// A URL or an id with an id in place of each reference: that of the record that was read, or of
    /// no record for one that is yet to be made. nullopt: it refers to something else.
    std::optional<std::string> resolve(std::string_view text) const;

private:
    std::set<std::string> names_;                          // in lower case
    std::map<std::string, std::string, std::less<>> ids_;  // by name as it stands
};

}  // namespace latchkey
