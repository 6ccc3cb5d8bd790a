#include "net/http_syntax.h"

#include <algorithm>

#include "base/text.h"

namespace latchkey {

namespace {

bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_field_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
}

bool is_origin_form(std::string_view text) {
    return text.starts_with('/') && std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return c > 0x20 && c < 0x7f && c != '#';
           });
}

bool is_host(std::string_view text) {
    std::string_view name = text;
    std::string_view port;
    const auto colon = text.rfind(':');
    const auto bracket = text.rfind(']');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        name = text.substr(0, colon);
        port = text.substr(colon + 1);
        if (!parse_decimal(port, 65535)) return false;
    }
    if (name.starts_with('[')) {
        if (name.size() < 4 || !name.ends_with(']')) return false;
        const auto inside = name.substr(1, name.size() - 2);
        return inside.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    }
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return is_alnum(c) || c == '-' || c == '.' || c == '_';
    });
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_framing(std::string_view name) {
    return ascii_iequal(name, "Content-Length") || ascii_iequal(name, "Transfer-Encoding") ||
           ascii_iequal(name, "Connection") || ascii_iequal(name, "Keep-Alive");
}

}  // namespace latchkey
