#include "access/call_method.h"

#include <algorithm>

#include "base/text.h"

namespace latchkey {

namespace {
constexpr std::size_t most_overrides = 16;
}

unsigned method_bit(std::string_view method) {
    if (ascii_iequal(method, "HEAD")) return 1u;
    for (std::size_t i = 0; i < rule_methods.size(); ++i)
        if (ascii_iequal(method, rule_methods[i])) return 1u << i;
    return other_method;
}

std::optional<unsigned> methods_of(std::string_view method, std::string_view query) {
    unsigned named = 0;
    std::size_t overrides = 0;
    while (!query.empty()) {
        const auto field = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(field.size() + 1, query.size()));
        const auto equals = std::min(field.find('='), field.size());
        const auto name = percent_decode(field.substr(0, equals), true);
        if (!name) return std::nullopt;
        if (!ascii_iequal(*name, "_HttpMethod")) continue;
        const auto value = percent_decode(field.substr(std::min(equals + 1, field.size())), true);
        if (!value || ++overrides > most_overrides) return std::nullopt;
        named |= method_bit(*value);
    }
    if (named == 0) return method_bit(method);
    return method == "POST" ? named : named | method_bit(method);
}

std::optional<std::string_view> sole_method(unsigned methods) {
    for (std::size_t i = 0; i < rule_methods.size(); ++i)
        if (methods == 1u << i) return rule_methods[i];
    return std::nullopt;
}

}  // namespace latchkey
