#include "gateway/header_rules.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "net/http_syntax.h"

namespace latchkey {
namespace {

// RFC 9110 section 7.6.1, and what the transport writes itself. Lower case, as are all lists here.
constexpr std::array<std::string_view, 12> hop_by_hop = {
    "connection", "keep-alive",     "te",     "trailer",        "trailers", "transfer-encoding",
    "upgrade",    "http2-settings", "expect", "content-length", "host",     "close"};

constexpr std::array<std::string_view, 19> not_up = {"authorization",
                                                     "cookie",
                                                     "cookie2",
                                                     "x-sfdc-session",
                                                     "dpop",
                                                     "forwarded",
                                                     "via",
                                                     "x-real-ip",
                                                     "true-client-ip",
                                                     "x-client-ip",
                                                     "x-original-url",
                                                     "x-rewrite-url",
                                                     "x-http-method",
                                                     "x-http-method-override",
                                                     "x-method-override",
                                                     "x-original-host",
                                                     "x-host",
                                                     "cf-connecting-ip",
                                                     "x-original-uri"};
constexpr std::array<std::string_view, 3> not_up_prefixes = {"proxy-", "x-forwarded-", "latchkey-"};

constexpr std::array<std::string_view, 9> not_down = {"set-cookie",
                                                      "set-cookie2",
                                                      "clear-site-data",
                                                      "alt-svc",
                                                      "strict-transport-security",
                                                      "public-key-pins",
                                                      "public-key-pins-report-only",
                                                      "refresh",
                                                      "service-worker-allowed"};
constexpr std::array<std::string_view, 2> not_down_prefixes = {"proxy-", "latchkey-"};

template <std::size_t N>
bool listed(const std::array<std::string_view, N>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

template <std::size_t N>
bool prefixed(const std::array<std::string_view, N>& list, std::string_view name) {
    return std::any_of(list.begin(), list.end(),
                       [&](std::string_view prefix) { return name.starts_with(prefix); });
}

/// Lower-case names that the Connection lines call hop-by-hop.
std::vector<std::string> named_by_connection(const Headers& headers) {
    std::vector<std::string> names;
    for (const auto& line : headers) {
        if (!ascii_iequal(line.name, "Connection")) continue;
        std::string_view rest = line.value;
        while (!rest.empty()) {
            const auto comma = std::min(rest.find(','), rest.size());
            names.push_back(ascii_lower(trim(rest.substr(0, comma))));
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
    }
    return names;
}

bool among(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// True for an address on the instance itself: "/path", or the whole URL with that origin.
bool stays_on(std::string_view location, const Origin& instance) {
    if (location.starts_with('/')) {
        // "//host" is another host, and browsers read "/\host" as the same.
        return location.size() == 1 || (location[1] != '/' && location[1] != '\\');
    }
    const auto mark = location.find("://");
    if (mark == std::string_view::npos) return false;
    const auto end = std::min(location.find_first_of("/?#\\", mark + 3), location.size());
    const auto origin = Origin::parse(location.substr(0, end));
    return origin && *origin == instance && (end == location.size() || location[end] != '\\');
}

}  // namespace

Result<Headers> headers_up(const Headers& callers, const Secret& access_token) {
    const auto named = named_by_connection(callers);
    Headers up;
    for (const auto& line : callers) {
        if (!is_token(line.name) || !is_field_value(line.value)) {
            return Error{Fault::bad_input, "invalid_header",
                         "A header line has a character that no header has. Send it without."};
        }
        const auto name = ascii_lower(line.name);
        const bool dropped = name.find('_') != std::string::npos || listed(hop_by_hop, name) ||
                             listed(not_up, name) || prefixed(not_up_prefixes, name) ||
                             among(named, name);
        if (!dropped) up.add(line.name, line.value);
    }
    up.add("Authorization", "Bearer " + std::string{access_token.reveal()});
    return up;
}

Headers headers_down(const Headers& theirs, const Origin& instance) {
    const auto named = named_by_connection(theirs);
    Headers down;
    for (const auto& line : theirs) {
        const auto name = ascii_lower(line.name);
        const bool dropped = listed(hop_by_hop, name) || listed(not_down, name) ||
                             prefixed(not_down_prefixes, name) || among(named, name) ||
                             (name == "location" && !stays_on(line.value, instance));
        if (!dropped) down.add(line.name, line.value);
    }
    return down;
}

}  // namespace latchkey
