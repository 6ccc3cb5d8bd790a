#pragma once

#include <string>
#include <string_view>

namespace latchkey::salesforce {

/// The first error of a REST answer.
struct RestError {
    std::string code;     ///< errorCode, or the one word of a plain-text answer; may be empty
    std::string message;  ///< may be empty; not cleaned: only for comparing, or through printable()
};

/// Finds the first errorCode and message in a JSON array or object, an XML list or a one-word text.
/// Looks at the first 4 KiB only and does not parse the whole: an error stands at the beginning,
/// and a body that was cut still tells its code.
RestError read_rest_error(std::string_view content_type, std::string_view body);

}  // namespace latchkey::salesforce
