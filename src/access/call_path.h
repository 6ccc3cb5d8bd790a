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

/// Text to compare where case does not count: ASCII in lower case, and with the four letters beyond
/// ASCII that Java takes for an s, a k or an i when it minds no case.
std::string fold_case(std::string_view text);

/// The segment that says that a call carries others: "composite", "batch" below "connect", or
/// "aggregate-ui"; in any case, with or without a format. Empty: there is none.
/// source  REST API Developer Guide, "Composite Resources"; Connect REST API Developer Guide, "Batch
///         Resource"; User Interface API Developer Guide
std::string_view carrying_word(const std::vector<std::string>& segments);

/// Whether text can be the name of an object or a field.
bool is_api_name(std::string_view text);

/// Whether text can be a record's id: 15 or 18 letters and digits.
bool is_record_id(std::string_view text);

}  // namespace latchkey
