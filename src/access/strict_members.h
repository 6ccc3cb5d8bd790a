#pragma once

#include <array>
#include <optional>
#include <string_view>

#include <simdjson.h>

#include "access/call_path.h"

namespace latchkey {

using Json = simdjson::dom::element;

/// The members of an object that has these names and no others, each at most once and in this case,
/// in the order of `names`. nullopt for anything else: another reader could take it another way.
template <std::size_t N>
std::optional<std::array<std::optional<Json>, N>> strict_members(
    Json from, const std::array<std::string_view, N>& names) {
    std::array<std::optional<Json>, N> found;
    simdjson::dom::object object;
    if (from.get(object)) return std::nullopt;
    for (const auto& member : object) {
        std::size_t at = 0;
        while (at < N && names[at] != member.key) ++at;
        if (at == N || found[at]) return std::nullopt;
        found[at] = member.value;
    }
    return found;
}

/// How a member may spell its name: the names of fields mind no case at Salesforce, its own words do.
enum class Spelling { exact, any_case };

/// The member of that name, of an object that may have others. False: there are two in whatever case,
/// or one in another case than it may have.
inline bool sole_member(simdjson::dom::object object, std::string_view name, Spelling spelling,
                        std::optional<Json>& found) {
    const auto folded = fold_case(name);
    for (const auto& member : object) {
        const bool too_long =
            member.key.size() > 3 * folded.size();  // a letter has 3 bytes at most
        if (too_long || fold_case(member.key) != folded) continue;
        if (found || (spelling == Spelling::exact && member.key != name)) return false;
        found = member.value;
    }
    return true;
}

/// Without a null, which says as much as nothing.
inline std::optional<Json> unless_null(const std::optional<Json>& value) {
    return value && value->is_null() ? std::nullopt : value;
}

/// nullopt: absent, or no string.
inline std::optional<std::string_view> text_of(const std::optional<Json>& value) {
    std::string_view text;
    if (!value || value->get(text)) return std::nullopt;
    return text;
}

/// nullopt: absent, or no list.
inline std::optional<simdjson::dom::array> list_of(const std::optional<Json>& value) {
    simdjson::dom::array list;
    if (!value || value->get(list)) return std::nullopt;
    return list;
}

}  // namespace latchkey
