#include "emulator/data/csv.h"

#include <algorithm>

namespace latchkey::emulator::rest {

std::optional<std::vector<std::string>> CsvRows::next() {
    while (!rest_.empty() && (rest_.front() == '\n' || rest_.front() == '\r')) {
        rest_.remove_prefix(1);
    }
    if (rest_.empty()) return std::nullopt;
    std::vector<std::string> fields(1);
    while (!rest_.empty()) {
        if (rest_.front() == '"' && fields.back().empty()) {
            rest_.remove_prefix(1);
            for (;;) {
                const auto quote = rest_.find('"');
                if (quote == rest_.npos) {
                    broken_ = true;
                    return std::nullopt;
                }
                fields.back() += rest_.substr(0, quote);
                rest_.remove_prefix(quote + 1);
                if (!rest_.starts_with('"')) break;
                fields.back() += '"';
                rest_.remove_prefix(1);
            }
        }
        const char stops[] = {delimiter_, '\n', '\0'};
        const auto end = std::min(rest_.find_first_of(stops), rest_.size());
        std::string_view plain = rest_.substr(0, end);
        const bool at_line_end = end == rest_.size() || rest_[end] == '\n';
        if (at_line_end && plain.ends_with('\r')) plain.remove_suffix(1);
        fields.back() += plain;
        rest_.remove_prefix(std::min(rest_.size(), end + 1));
        if (at_line_end) break;
        fields.emplace_back();
    }
    return fields;
}

void put_csv(std::string& out, std::string_view field) {
    out += '"';
    for (const char c : field) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

}  // namespace latchkey::emulator::rest
