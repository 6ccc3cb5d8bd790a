#include "access/call_path.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace latchkey {

namespace {

constexpr std::size_t longest_name = 255;

bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> segments;
    if (path.ends_with('/')) path.remove_suffix(1);
    while (!path.empty()) {
        path.remove_prefix(1);
        const auto end = std::min(path.find('/'), path.size());
        segments.emplace_back(path.substr(0, end));
        path.remove_prefix(end);
    }
    return segments;
}

std::string_view without_format(std::string_view segment) {
    for (const std::string_view ending : {".json", ".xml"}) {
        if (segment.size() < ending.size()) continue;
        const auto stem = segment.size() - ending.size();
        if (ascii_iequal(segment.substr(stem), ending)) return segment.substr(0, stem);
    }
    return segment;
}

std::string fold_case(std::string_view text) {
    struct Letter {
        std::string_view utf8;
        char folded;
    };
    constexpr std::array<Letter, 4> letters = {
        {{"\u017f", 's'}, {"\u212a", 'k'}, {"\u0131", 'i'}, {"\u0130", 'i'}}};
    const auto plain = ascii_lower(text);
    std::string folded;
    folded.reserve(plain.size());
    for (std::size_t at = 0; at < plain.size();) {
        const auto rest = std::string_view{plain}.substr(at);
        const auto* letter = std::find_if(letters.begin(), letters.end(), [&](const Letter& one) {
            return rest.starts_with(one.utf8);
        });
        const bool found = letter != letters.end();
        folded += found ? letter->folded : rest.front();
        at += found ? letter->utf8.size() : 1;
    }
    return folded;
}

std::string_view carrying_word(const std::vector<std::string>& segments) {
    bool connect = false;
    for (const auto& segment : segments) {
        const bool last = &segment == &segments.back();
        const auto name = fold_case(last ? without_format(segment) : segment);
        if (name == "composite") return "composite";
        if (name == "aggregate-ui") return "aggregate-ui";
        if (connect && name == "batch") return "batch";
        connect = connect || name == "connect";
    }
    return {};
}

bool is_api_name(std::string_view text) {
    return !text.empty() && text.size() <= longest_name &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '_'; });
}

bool is_record_id(std::string_view text) {
    return (text.size() == 15 || text.size() == 18) &&
           std::all_of(text.begin(), text.end(), is_word);
}

}  // namespace latchkey
