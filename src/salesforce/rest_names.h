#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <latchkey/error.h>

namespace latchkey::salesforce {

/// The version that every call of ours speaks; Salesforce keeps one for years.
inline constexpr std::string_view data_root = "/services/data/v68.0";

/// Names of objects and fields go into paths: letters, digits and '_' only, up to 255.
/// errors  bad_input invalid_name
Result<void> check_name(std::string_view name);

/// errors  bad_input invalid_id: not 15 or 18 letters and digits
Result<void> check_id(std::string_view id);

/// "Name,Owner.Name", each checked; dots between names.
/// errors  bad_input invalid_name
Result<std::string> field_list(const std::vector<std::string>& fields);

}  // namespace latchkey::salesforce
