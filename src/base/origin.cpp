#include "base/origin.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <arpa/inet.h>

#include "base/text.h"

namespace latchkey {

namespace {

Error invalid(const char* why) {
    return Error{Fault::bad_input, "invalid_origin",
                 std::string{"This is not an address of the form https://host[:port]: "} + why};
}

bool is_ipv4(const std::string& text) {
    in_addr parsed{};
    return ::inet_pton(AF_INET, text.c_str(), &parsed) == 1;
}

/// The one canonical spelling, so that two spellings of an address compare equal.
std::optional<std::string> canonical_ipv6(const std::string& text) {
    in6_addr parsed{};
    if (::inet_pton(AF_INET6, text.c_str(), &parsed) != 1) return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> out{};
    if (!::inet_ntop(AF_INET6, &parsed, out.data(), out.size())) return std::nullopt;
    return std::string{out.data()};
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") ==
               std::string_view::npos;
}

/// A DNS name or an IPv4 address in its usual form. "127.1" and "0x7f.0.0.1" are neither, though
/// the system's resolver would take them for addresses.
bool is_name_or_ipv4(const std::string& host) {
    if (host.empty() || host.size() > 253) return false;
    std::string_view rest = host;
    std::string_view label;
    for (;;) {
        const auto dot = rest.find('.');
        label = rest.substr(0, dot);
        if (!is_label(label)) return false;
        if (dot == std::string_view::npos) break;
        rest.remove_prefix(dot + 1);
    }
    const bool number =
        label.find_first_not_of("0123456789") == std::string_view::npos || label.starts_with("0x");
    return !number || is_ipv4(host);
}

}  // namespace

std::string Origin::authority() const {
    const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

std::string Origin::text() const {
    return (tls ? "https://" : "http://") + authority();
}

Result<Origin> Origin::parse(std::string_view url) {
    Origin origin;
    const std::string lower = ascii_lower(url);
    std::string_view rest = lower;
    if (rest.starts_with("https://")) {
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        origin.tls = false;
        rest.remove_prefix(7);
    } else {
        return invalid("it starts with neither https:// nor http://.");
    }
    if (rest.ends_with('/')) rest.remove_suffix(1);
    origin.port = origin.tls ? 443 : 80;

    std::string_view port;
    bool has_port = false;
    if (rest.starts_with('[')) {
        const auto end = rest.find(']');
        if (end == std::string_view::npos) return invalid("its bracket is not closed.");
        auto host = canonical_ipv6(std::string{rest.substr(1, end - 1)});
        if (!host) return invalid("its host is not an IPv6 address.");
        origin.host = std::move(*host);
        rest.remove_prefix(end + 1);
        has_port = rest.starts_with(':');
        if (!has_port && !rest.empty()) return invalid("something follows its host.");
        if (has_port) port = rest.substr(1);
    } else {
        const auto colon = rest.find(':');
        has_port = colon != std::string_view::npos;
        if (has_port) port = rest.substr(colon + 1);
        origin.host = rest.substr(0, colon);
        if (!is_name_or_ipv4(origin.host)) {
            return invalid("its host is not a name or address, or more than a host follows.");
        }
    }
    if (has_port) {
        const auto end = port.data() + port.size();
        const auto [stopped, failed] = std::from_chars(port.data(), end, origin.port);
        // A leading zero would give one origin two spellings.
        if (failed != std::errc{} || stopped != end || port.starts_with('0')) {
            return invalid("its port is not a number from 1 to 65535.");
        }
    }
    return origin;
}

bool Origin::loopback() const {
    return host == "localhost" || host == "::1" || (host.starts_with("127.") && is_ipv4(host));
}

}  // namespace latchkey
