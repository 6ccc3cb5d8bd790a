#include "store/timeline_order.h"

#include <charconv>
#include <string_view>

namespace latchkey {
namespace {

struct Parts {
    std::string_view system;
    std::string_view branch;
    std::int64_t incarnation = 0;
};

Parts parts_of(std::string_view text) {
    Parts parts;
    const auto point = text.rfind('.');
    const auto number = point == text.npos ? text : text.substr(point + 1);
    const auto* end = number.data() + number.size();
    const auto read = std::from_chars(number.data(), end, parts.incarnation);
    if (read.ec != std::errc{} || read.ptr != end) parts.incarnation = 0;
    if (point == text.npos) return parts;
    const auto slash = text.substr(0, point).rfind('/');
    parts.system = text.substr(0, slash == text.npos ? point : slash);
    if (slash != text.npos) parts.branch = text.substr(slash + 1, point - slash - 1);
    return parts;
}

}  // namespace

std::int64_t incarnation_of(const Timeline& timeline) {
    return parts_of(timeline.text).incarnation;
}

bool lies_behind(const Timeline& present, const Timeline& noted) {
    const auto now = parts_of(present.text);
    const auto then = parts_of(noted.text);
    if (now.incarnation != then.incarnation) return now.incarnation < then.incarnation;
    return now.system == then.system && now.branch < then.branch;
}

}  // namespace latchkey
