#pragma once

#include <string>
#include <string_view>

#include <latchkey/api.h>
#include <latchkey/error.h>

namespace latchkey {

/// Path and query of a SOQL query (Salesforce REST API Developer Guide, "Query").
/// errors  bad_input invalid_soql: empty, or over 100,000 characters
Result<std::string> query_target(std::string_view soql, bool all_rows = false);

/// Checks what a caller hands in as the rest of a query: a locator below a query resource, so that
/// query_more cannot be used to reach anything else.
/// errors  bad_input invalid_cursor
Result<std::string> query_more_target(std::string_view next);

/// Reads one page. Each record keeps the very bytes that Salesforce sent.
/// errors  what Salesforce's answer means where it is not a 200 (salesforce::rest_problem)
///         try_later  upstream_invalid_response: a 200 that is cut or not a query's answer; reading
///                    is safe to repeat
Result<QueryPage> read_query_page(ApiResponse answer, bool whole);

}  // namespace latchkey
