#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace latchkey {

/// The methods that rules know, a bit each in this order, and one more for any other word.
inline constexpr std::array<std::string_view, 5> rule_methods = {"GET", "POST", "PUT", "PATCH",
                                                                 "DELETE"};
inline constexpr unsigned other_method = 1u << rule_methods.size();
inline constexpr unsigned every_method = (other_method << 1u) - 1u;

/// HEAD is GET here.
unsigned method_bit(std::string_view method);

/// The methods that a call counts as, a bit each: what `_HttpMethod` in its query names, and its own
/// unless it is a POST, of which Salesforce certainly reads that. nullopt if the query does not say
/// clearly. source  REST API Developer Guide, "Update a Record"
std::optional<unsigned> methods_of(std::string_view method, std::string_view query);

/// The one method that a call counts as, if it is one of `rule_methods`.
std::optional<std::string_view> sole_method(unsigned methods);

}  // namespace latchkey
