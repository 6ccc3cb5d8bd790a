#include "salesforce/rest_names.h"

#include <algorithm>

namespace latchkey::salesforce {
namespace {

constexpr std::size_t longest_name = 255;

bool alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Error wrong_name() {
    return {Fault::bad_input, "invalid_name",
            "A name of an object or field has letters, digits and '_' only, such as Account or "
            "External_Id__c."};
}

}  // namespace

Result<void> check_name(std::string_view name) {
    const bool fits = !name.empty() && name.size() <= longest_name &&
                      std::ranges::all_of(name, [](char c) { return alphanumeric(c) || c == '_'; });
    if (!fits) return wrong_name();
    return {};
}

Result<void> check_id(std::string_view id) {
    const bool fits = (id.size() == 15 || id.size() == 18) && std::ranges::all_of(id, alphanumeric);
    if (fits) return {};
    return Error{Fault::bad_input, "invalid_id",
                 "An id of Salesforce has 15 or 18 letters and digits."};
}

Result<std::string> field_list(const std::vector<std::string>& fields) {
    std::string list;
    for (const auto& field : fields) {
        for (std::size_t from = 0; from <= field.size();) {
            const auto until = std::min(field.find('.', from), field.size());
            auto fits = check_name(std::string_view(field).substr(from, until - from));
            if (!fits) return fits.error();
            from = until + 1;
        }
        if (!list.empty()) list += ',';
        list += field;
    }
    return list;
}

}  // namespace latchkey::salesforce
