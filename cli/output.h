#pragma once

#include <string>
#include <vector>

#include <boost/json/fwd.hpp>

#include <latchkey/api_key.h>
#include <latchkey/connection.h>
#include <latchkey/error.h>

namespace latchkey::cli {

/// Prints a table with aligned columns; cells are made printable.
void print_table(const std::vector<std::string>& heads,
                 const std::vector<std::vector<std::string>>& rows);
void print_json(const boost::json::value& value);

boost::json::object to_json(const Connection& connection);
/// {rules, limits, priority}
boost::json::object to_json(const KeyRules& rules);
boost::json::object to_json(const ApiKey& key);
void print_connection(const Connection& connection);

/// Says what went wrong, as text on standard error or, with `json`, as an object on standard output.
/// returns  the exit status: 3 for reauthorize, 2 for bad_input, else 1
int fail(const Error& error, bool json);

}  // namespace latchkey::cli
