#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace latchkey {

/// The segments of a decoded path; a slash at its end makes none.
std::vector<std::string> split_path(std::string_view path);

/// A path's last segment without ".json" or ".xml" in any case, which Salesforce takes for the form of
/// its answer.
std::string_view without_format(std::string_view segment);

/// Whether one of a path's segments is `composite`, in any case, with or without a format.
bool names_composite(const std::vector<std::string>& segments);

/// Whether text can be the name of an object or a field.
bool is_api_name(std::string_view text);

/// Whether text can be a record's id: 15 or 18 letters and digits.
bool is_record_id(std::string_view text);

}  // namespace latchkey
