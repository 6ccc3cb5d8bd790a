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
    /// errors  bad_input composite_unreadable: there are too many, or they are too long
    Result<void> add(std::string_view method, std::string target, bool carries = false);

    const std::vector<CarriedCall>& list() const& { return list_; }
    std::vector<CarriedCall> list() && { return std::move(list_); }

private:
    std::vector<CarriedCall> list_;
    std::set<std::string> seen_;
    std::size_t place_ = 0;
    std::size_t bytes_ = 0;
};

/// A call of a carrier of records, alone or within another carrier.
struct RecordCall {
    const Carrier& carrier;
    std::string_view method;  ///< as `sole_method` gives it
    std::string_view query;
    std::optional<Json> body;
    const RecordReferences* references;  ///< of the list that it stands in; null: it has none
    bool alone;                          ///< then each record is a place of its own
};

/// Adds what such a call does, as calls for each record: POST …/sobjects/{object} for one that is made,
/// PATCH …/sobjects/{object}/{id} for one that is changed.
/// errors  bad_input composite_unreadable
Result<void> read_records(const RecordCall& call, CallList& calls);

}  // namespace latchkey
