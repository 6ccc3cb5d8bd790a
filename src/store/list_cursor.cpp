#include "store/list_cursor.h"

#include <charconv>

#include "base/text.h"

namespace latchkey {

std::string print_cursor(const ListPlace& place) {
    return base64url(std::to_string(place.connected_at.time_since_epoch().count()) + ":" +
                     place.id.text);
}

std::optional<ListPlace> parse_cursor(std::string_view cursor) {
    const auto text = from_base64url(cursor);
    if (!text) return std::nullopt;
    const auto colon = text->find(':');
    if (colon == std::string::npos) return std::nullopt;
    std::int64_t seconds = 0;
    const auto read = std::from_chars(text->data(), text->data() + colon, seconds);
    if (read.ec != std::errc{} || read.ptr != text->data() + colon) return std::nullopt;
    return ListPlace{WallTime{std::chrono::seconds{seconds}},
                     ConnectionId{text->substr(colon + 1)}};
}

}  // namespace latchkey
