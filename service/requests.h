#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include <latchkey/api_key.h>
#include <latchkey/error.h>
#include <latchkey/secret.h>

#include "base/text.h"
#include "net/http_server.h"

namespace latchkey::service {

/// The path's segments, each decoded once; empty if the path is not canonical (empty or dot
/// segments, encoded slashes), which no route is.
std::vector<std::string> segments(std::string_view path);

/// A JSON object of a request's body, every member of which must be one of `allowed`.
/// errors  bad_input  invalid_json, unknown_field (message lists the known ones)
Result<boost::json::object> read_object(const ServedRequest& request,
                                        std::initializer_list<std::string_view> allowed);

/// errors  bad_input  invalid_field (names it and the type it needs)
Result<std::optional<std::string>> optional_text(const boost::json::object& body,
                                                 std::string_view field);
Result<std::string> required_text(const boost::json::object& body, std::string_view field);
Result<std::vector<std::string>> optional_texts(const boost::json::object& body,
                                                std::string_view field);

/// The query's fields, each of which must be one of `allowed` and stand there once.
/// errors  bad_input invalid_parameter
Result<FormFields> read_query(const ServedRequest& request,
                              std::initializer_list<std::string_view> allowed);
/// errors  bad_input invalid_parameter (names it and its range)
Result<std::optional<std::int64_t>> optional_number(const FormFields& query, std::string_view field,
                                                    std::int64_t least, std::int64_t most);

/// The key after "Authorization: Bearer ". errors  denied invalid_api_key
Result<Secret> bearer(const ServedRequest& request);
/// The same of the value of the one Authorization line; the view is into it.
Result<std::string_view> bearer(std::string_view authorization);
/// True if a field of the query has a name under which others send keys, or one that cannot be read.
bool has_key(std::string_view query);

Error invalid_api_key();
Error key_in_query();
/// errors  denied permission_denied
Result<void> may(const Caller& caller, Permission needed);

/// All values of a cookie name, of all Cookie lines.
std::vector<std::string> cookies(const ServedRequest& request, std::string_view name);

}  // namespace latchkey::service
