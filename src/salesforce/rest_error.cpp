#include "salesforce/rest_error.h"

#include <algorithm>

namespace latchkey::salesforce {
namespace {

constexpr std::size_t looked_at = 4096;
constexpr std::string_view blanks = " \t\r\n";

/// The text between the quotes at `at`, with its escapes but for the quote's; empty if it is cut.
std::string quoted(std::string_view text, std::size_t at) {
    std::string value;
    for (std::size_t i = at + 1; i < text.size(); ++i) {
        if (text[i] == '"') return value;
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        value += text[i];
    }
    return {};
}

/// The string value of the first member of that name. Inside a string the name's quotes would have
/// back-slashes, so a message cannot pretend to be a member.
std::string json_text(std::string_view text, std::string_view name) {
    const std::string key = '"' + std::string{name} + '"';
    for (auto at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
        const auto colon = text.find_first_not_of(blanks, at + key.size());
        if (colon == std::string_view::npos || text[colon] != ':') continue;
        const auto value = text.find_first_not_of(blanks, colon + 1);
        if (value != std::string_view::npos && text[value] == '"') return quoted(text, value);
    }
    return {};
}

std::string xml_text(std::string_view text, std::string_view name) {
    const std::string open = '<' + std::string{name} + '>';
    const auto found = text.find(open);
    if (found == std::string_view::npos) return {};
    const auto start = found + open.size();
    const auto end = text.find('<', start);
    if (end == std::string_view::npos) return {};
    return std::string{text.substr(start, end - start)};
}

bool word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

RestError read_rest_error(std::string_view content_type, std::string_view body) {
    RestError read;
    auto text = body.substr(0, looked_at);
    const auto start = text.find_first_not_of(blanks);
    if (start == std::string_view::npos) return read;
    text.remove_prefix(start);

    const bool markup = text.front() == '<';
    if (markup && content_type.find("html") == std::string_view::npos) {
        read.code = xml_text(text, "errorCode");
        read.message = xml_text(text, "message");
    } else if (text.front() == '[' || text.front() == '{') {
        read.code = json_text(text, "errorCode");
        read.message = json_text(text, "message");
    } else if (!markup) {
        const auto end = std::min(text.find_last_not_of(blanks) + 1, text.size());
        text = text.substr(0, end);
        const bool one_word = text.size() <= 64 && std::all_of(text.begin(), text.end(), word_char);
        if (one_word) read.code = text;
        if (!one_word) read.message = text;
    }
    return read;
}

}  // namespace latchkey::salesforce
