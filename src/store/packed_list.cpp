#include "store/packed_list.h"

#include <charconv>

namespace latchkey {

std::string pack(const std::vector<std::string>& list) {
    std::string packed;
    for (const auto& item : list) packed += std::to_string(item.size()) + ":" + item;
    return packed;
}

std::vector<std::string> unpack(std::string_view packed) {
    std::vector<std::string> list;
    while (!packed.empty()) {
        std::size_t size = 0;
        const auto read = std::from_chars(packed.data(), packed.data() + packed.size(), size);
        const auto digits = static_cast<std::size_t>(read.ptr - packed.data());
        if (read.ec != std::errc{} || digits == packed.size() || packed[digits] != ':') break;
        packed.remove_prefix(digits + 1);
        if (size > packed.size()) break;
        list.emplace_back(packed.substr(0, size));
        packed.remove_prefix(size);
    }
    return list;
}

}  // namespace latchkey
