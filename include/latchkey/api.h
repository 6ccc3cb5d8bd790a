#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/ids.h>

namespace latchkey {

using HeaderLines = std::vector<std::pair<std::string, std::string>>;

/// One call of a Salesforce API. The host is always the connection's own.
struct ApiRequest {
    ConnectionId connection;
    std::string method = "GET";  ///< GET, HEAD, POST, PUT, PATCH or DELETE
    std::string target;          ///< path and query, percent-encoded: "/services/data/v68.0/limits"
    HeaderLines headers;         ///< Authorization, Host, Cookie and hop-by-hop lines are dropped
    std::string body;            ///< at most 1 MiB
    ApiRequest() = default;
    ApiRequest(ConnectionId c, std::string m, std::string t, std::string b = {})
        : connection(std::move(c)),
          method(std::move(m)),
          target(std::move(t)),
          body(std::move(b)) {}
};

/// Salesforce's answer, whatever its status.
struct ApiResponse {
    int status = 0;
    HeaderLines headers;
    std::string body;
    ApiResponse() = default;
    /// The first header line of that name, without regard to case.
    std::optional<std::string_view> header(std::string_view name) const;
};

/// One record of a query.
class Record {
public:
    explicit Record(std::string json) : json_(std::move(json)) {}
    /// The record as Salesforce sent it, `attributes` included.
    const std::string& json() const { return json_; }
    /// A field's value as text: strings as they are, numbers and booleans printed, compound values
    /// as JSON. Names compare without case; "Owner.Name" goes through a relationship. nullopt: absent
    /// or null.
    std::optional<std::string> text(std::string_view field) const;

private:
    std::string json_;
};

/// One page of a query's answer.
struct QueryPage {
    std::int64_t total_size = 0;
    std::vector<Record> records;
    std::string next;  ///< for query_more; empty: this was the last page
    QueryPage() = default;
};

}  // namespace latchkey
