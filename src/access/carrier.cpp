#include "access/carrier.h"

#include <algorithm>
#include <span>

#include "access/call_path.h"
#include "base/text.h"

namespace latchkey {

namespace {

/// vN.N
bool is_version(std::string_view text) {
    if (text.empty() || (text.front() != 'v' && text.front() != 'V')) return false;
    return std::all_of(text.begin() + 1, text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

/// What a call of that method does at the segments behind `composite`.
std::optional<Carrier::Kind> kind_of(std::string_view method, std::span<const std::string> behind) {
    using Kind = Carrier::Kind;
    const bool posts = method == "POST";
    if (behind.empty()) return posts ? std::optional{Kind::composite} : std::nullopt;
    const auto is = [&](std::string_view name) { return ascii_iequal(behind[0], name); };
    if (behind.size() == 1 && posts && is("batch")) return Kind::batch;
    if (behind.size() == 1 && posts && is("graph")) return Kind::graph;
    if (behind.size() == 2 && posts && is("tree")) return Kind::tree;
    if (!is("sobjects")) return std::nullopt;
    if (behind.size() == 1 && (posts || method == "PATCH")) return Kind::records;
    if (behind.size() == 2 && (posts || method == "GET")) return Kind::retrieved;
    if (behind.size() == 3 && method == "PATCH") return Kind::upserted;
    return std::nullopt;
}

}  // namespace

std::optional<Carrier> carrier_of(std::string_view method,
                                  const std::vector<std::string>& segments) {
    auto path = segments;
    if (!path.empty()) path.back() = std::string{without_format(path.back())};
    if (path.size() < 4 || !ascii_iequal(path[0], "services") || !ascii_iequal(path[1], "data") ||
        !is_version(path[2]))
        return std::nullopt;
    const bool tooling = ascii_iequal(path[3], "tooling");
    const std::size_t at = tooling ? 4 : 3;
    if (path.size() <= at || !ascii_iequal(path[at], "composite")) return std::nullopt;
    const auto behind = std::span<const std::string>{path}.subspan(at + 1);
    const auto kind = kind_of(method, behind);
    if (!kind) return std::nullopt;
    Carrier carrier;
    carrier.kind = *kind;
    carrier.base = "/services/data/" + path[2] + (tooling ? "/tooling" : "");
    if (behind.size() > 1) carrier.object = behind[1];
    if (behind.size() > 2) carrier.field = behind[2];
    const bool plain = (behind.size() <= 1 || is_api_name(carrier.object)) &&
                       (behind.size() <= 2 || is_api_name(carrier.field));
    return plain ? std::optional{std::move(carrier)} : std::nullopt;
}

}  // namespace latchkey
