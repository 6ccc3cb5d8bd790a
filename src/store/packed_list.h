#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace latchkey {

/// A list of strings in one column: each with its length before it ("3:api13:refresh_token"), so
/// that no character is special.
std::string pack(const std::vector<std::string>& list);
/// What `pack` made; a damaged tail is left out.
std::vector<std::string> unpack(std::string_view packed);

}  // namespace latchkey
