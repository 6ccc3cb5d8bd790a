#pragma once

#include <optional>
#include <string>

#include <latchkey/connection.h>

namespace latchkey {

/// A place in the list of connections: after this one, by (connected_at, id).
struct ListPlace {
    WallTime connected_at{};
    ConnectionId id;
    ListPlace() = default;
    ListPlace(WallTime at, ConnectionId c) : connected_at(at), id(std::move(c)) {}
};

std::string print_cursor(const ListPlace& place);
/// nullopt for a text that print_cursor does not make.
std::optional<ListPlace> parse_cursor(std::string_view cursor);

}  // namespace latchkey
