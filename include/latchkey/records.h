#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/api.h>

namespace latchkey {

/// What a record is to have, for creating and changing it. Names are Salesforce's API names.
class Fields {
public:
    Fields& set(std::string_view name, std::string_view text);
    Fields& set(std::string_view name, const char* text) {
        return set(name, std::string_view{text});
    }
    Fields& set(std::string_view name, double number);
    Fields& set(std::string_view name, std::int64_t number);
    Fields& set(std::string_view name, int number) {
        return set(name, static_cast<std::int64_t>(number));
    }
    Fields& set(std::string_view name, bool truth);
    /// Empties the field.
    Fields& set_null(std::string_view name);
    /// Any value, as JSON text. It must be JSON; nobody checks it before Salesforce does.
    Fields& set_json(std::string_view name, std::string_view json);

    bool empty() const { return members_.empty(); }
    /// A JSON object.
    std::string json() const { return "{" + members_ + "}"; }
    /// Its members without the braces.
    const std::string& members() const { return members_; }

private:
    void begin(std::string_view name);
    std::string members_;
};

/// How to ask a query.
struct QueryOptions {
    bool all_rows = false;      ///< deleted and archived records too
    std::size_t page_size = 0;  ///< records a page, 200 to 2000; 0 leaves it to Salesforce
    std::stop_token stop;       ///< ends a blocking wait with code cancelled
    QueryOptions() = default;
};

/// Why one record of several was refused.
struct RowProblem {
    std::string code;     ///< Salesforce's own, such as REQUIRED_FIELD_MISSING
    std::string message;  ///< Salesforce's words
    std::vector<std::string> fields;
    RowProblem() = default;
};

/// What became of one record of several.
struct RowResult {
    std::string id;  ///< empty where nothing was created
    bool success = false;
    bool created = false;  ///< of an upsert
    std::vector<RowProblem> problems;
    RowResult() = default;
};

/// What became of an upsert.
struct Upserted {
    std::string id;
    bool created = false;
    Upserted() = default;
};

/// A record to be changed, or upserted by the external id in `key`.
struct KeyedFields {
    std::string key;
    Fields fields;
    KeyedFields() = default;
    KeyedFields(std::string k, Fields f) : key(std::move(k)), fields(std::move(f)) {}
};

/// One of up to 25 requests that go as one call.
struct CompositePart {
    std::string reference;  ///< letters, digits, '_': later parts say "@{reference.id}"
    std::string method;     ///< GET, POST, PATCH, PUT or DELETE
    std::string target;     ///< "/services/data/v68.0/sobjects/Account"
    std::string body_json;  ///< empty: none
    CompositePart() = default;
    CompositePart(std::string r, std::string m, std::string t, std::string b = {})
        : reference(std::move(r)),
          method(std::move(m)),
          target(std::move(t)),
          body_json(std::move(b)) {}
};
struct CompositeAnswer {
    std::string reference;
    int status = 0;
    std::string body_json;  ///< "null" where there is none
    CompositeAnswer() = default;
};

/// One of the org's limits.
struct OrgLimit {
    std::int64_t most = 0;
    std::int64_t left = 0;
    OrgLimit() = default;
};
using OrgLimits = std::map<std::string, OrgLimit, std::less<>>;

}  // namespace latchkey
