#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "access/carried_calls.h"
#include "access/record_references.h"
#include "access/strict_members.h"

namespace latchkey {

/// The calls found so far, each once.
class CallList {
public:
    /// What is added from now on belongs to the next call or record of the body.
    void next_place() { ++place_; }
    /// errors  bad_input composite_unreadable: there are too many
    Result<void> add(std::string_view method, std::string target, bool carries = false);

    const std::vector<CarriedCall>& list() const& { return list_; }
    std::vector<CarriedCall> list() && { return std::move(list_); }

private:
    std::vector<CarriedCall> list_;
    std::set<std::string> seen_;
    std::size_t place_ = 0;
};

/// Adds what a carrier of records does, as calls for each record alone: POST
/// …/sobjects/{object} for one that is made, PATCH …/sobjects/{object}/{id} for one that is changed.
///
/// references  of the list that the call stands in; null: it stands alone
/// errors      bad_input composite_unreadable
Result<void> read_records(const Carrier& carrier, std::string_view method, std::string_view query,
                          const std::optional<Json>& body, const RecordReferences* references,
                          CallList& calls);

}  // namespace latchkey
