#include "net/http.h"

#include <algorithm>

#include "base/text.h"

namespace latchkey {

void Headers::set(std::string_view name, std::string value) {
    remove(name);
    lines_.emplace_back(std::string{name}, std::move(value));
}

void Headers::remove(std::string_view name) {
    std::erase_if(lines_, [&](const Header& line) { return ascii_iequal(line.name, name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
    for (const auto& line : lines_) {
        if (ascii_iequal(line.name, name)) return line.value;
    }
    return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(
        lines_.begin(), lines_.end(), [&](const Header& l) { return ascii_iequal(l.name, name); }));
}

}  // namespace latchkey
