#pragma once

#include <string_view>

#include "net/head_lines.h"
#include "net/http_syntax.h"

namespace latchkey {

/// Tokens with commas between them, as the value of Connection has to be (RFC 9110 section 7.6.1);
/// empty elements are allowed.
inline bool is_token_list(std::string_view text) {
    bool good = true;
    each_element(text, [&good](std::string_view element) { good = good && is_token(element); });
    return good;
}

}  // namespace latchkey
