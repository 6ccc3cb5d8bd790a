#include "connect/return_url.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace latchkey {
namespace {

constexpr std::size_t longest_url = 2000;
constexpr std::size_t longest_host = 253;
constexpr std::size_t longest_label = 63;

/// A URL cut at the only places where all readers cut it.
struct Parts {
    bool tls = true;
    std::string_view host;
    std::string_view port;  ///< digits, or empty
    std::string_view rest;  ///< from the path on; may be empty or begin with '?'
};

bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool lower_letter(char c) {
    return c >= 'a' && c <= 'z';
}

std::string_view take(std::string_view& text, char until) {
    const auto end = std::min(text.find(until), text.size());
    const auto head = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return head;
}

/// A number without leading zeros, at most `most`; nullopt otherwise.
std::optional<unsigned> plain_number(std::string_view text, unsigned most) {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    unsigned value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size() || value > most)
        return std::nullopt;
    return value;
}

bool dotted_ipv4(std::string_view host) {
    if (std::count(host.begin(), host.end(), '.') != 3) return false;
    for (int i = 0; i < 4; ++i)
        if (!plain_number(take(host, '.'), 255)) return false;
    return true;
}

bool host_label(std::string_view label) {
    if (label.empty() || label.size() > longest_label) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    return std::all_of(label.begin(), label.end(),
                       [](char c) { return lower_letter(c) || digit(c) || c == '-'; });
}

bool host_name(std::string_view host) {
    if (host.empty() || host.size() > longest_host || host.back() == '.') return false;
    std::string_view last;
    while (!host.empty()) {
        last = take(host, '.');
        if (!host_label(last)) return false;
    }
    // Browsers read a name whose last label is a number (also 0x7f) as an IPv4 address.
    return !digit(last.front());
}

const char* what_is_wrong_with_path(std::string_view path) {
    while (!path.empty()) {
        auto segment = take(path, '/');
        const auto decoded = percent_decode(segment);
        if (!decoded) return "it has a broken percent escape";
        // A server may decode before it looks for segments, some decode twice, and some cut
        // parameters off a segment before they resolve its dots.
        if (decoded->find_first_of("/\\%") != std::string::npos)
            return "its path has an encoded slash, back-slash or percent sign";
        for (const unsigned char c : *decoded)
            if (c < 0x20 || c == 0x7f) return "its path has an encoded control character";
        std::string_view bare = *decoded;
        bare = take(bare, ';');
        if (bare == "." || bare == "..") return "its path has a dot segment";
    }
    return nullptr;
}

const char* what_is_wrong_with_query(std::string_view query) {
    const auto fields = parse_form(query);
    if (!fields) return "its query has a broken percent escape";
    for (const auto& [name, value] : *fields) {
        if (name == "ticket" || name == "flow" || name == "error")
            return "its query has ticket, flow or error, which are added to it";
        for (const unsigned char c : name + value)
            if (c < 0x20 || c == 0x7f) return "its query has an encoded control character";
    }
    return nullptr;
}

/// nullptr and the parts, or the rule that is broken.
const char* cut(std::string_view url, Parts& parts) {
    if (url.empty() || url.size() > longest_url) return "it is empty or longer than 2,000 bytes";
    for (const char c : url) {
        if (c <= 0x20 || c == 0x7f || static_cast<unsigned char>(c) > 0x7f)
            return "it has a blank, a control character or a byte outside ASCII";
        if (std::string_view{"\\\"<>^`{|}"}.find(c) != std::string_view::npos)
            return "it has a character that no URL may have";
        if (c == '#') return "it has a fragment";
    }
    if (url.starts_with("https://")) {
        url.remove_prefix(8);
    } else if (url.starts_with("http://")) {
        parts.tls = false;
        url.remove_prefix(7);
    } else {
        return "it does not begin with https:// (or http:// on loopback) in small letters";
    }
    const auto end = std::min(url.find_first_of("/?"), url.size());
    auto authority = url.substr(0, end);
    parts.rest = url.substr(end);
    if (authority.find('@') != std::string_view::npos) return "it has user info";

    bool has_port = false;
    if (authority.starts_with("[::1]")) {
        parts.host = authority.substr(0, 5);
        authority.remove_prefix(5);
        has_port = !authority.empty();
        if (has_port && authority.front() != ':') return "its host is not a plain name";
        if (has_port) authority.remove_prefix(1);
    } else {
        has_port = authority.find(':') != std::string_view::npos;
        parts.host = take(authority, ':');
        if (!host_name(parts.host) && !dotted_ipv4(parts.host))
            return "its host is not a plain lower-case name or address";
    }
    if (has_port) {
        parts.port = authority;
        const auto number = plain_number(parts.port, 65535);
        if (!number || *number == 0) return "its port is not a number from 1 to 65535";
    }
    const auto question = std::min(parts.rest.find('?'), parts.rest.size());
    if (const char* wrong = what_is_wrong_with_path(parts.rest.substr(0, question))) return wrong;
    if (question == parts.rest.size()) return nullptr;
    return what_is_wrong_with_query(parts.rest.substr(question + 1));
}

/// localhost is a name that somebody may resolve elsewhere, so it is not among these.
bool loopback_address(const Parts& url) {
    return url.host == "127.0.0.1" || url.host == "[::1]";
}

bool listed(const Provider& provider, std::string_view wanted, const Parts& wanted_parts) {
    for (const std::string& entry : provider.return_urls) {
        if (entry == wanted) return true;
        Parts parts;
        if (cut(entry, parts) != nullptr) continue;
        const bool any_port = !parts.tls && loopback_address(parts);
        if (any_port && !wanted_parts.tls && parts.host == wanted_parts.host &&
            parts.rest == wanted_parts.rest)
            return true;
    }
    return false;
}

Error invalid(std::string why) {
    return {Fault::bad_input, "invalid_return_url", "The return URL cannot be used: " + why};
}

}  // namespace

Result<void> check_return_url(const Provider& provider, std::string_view wanted) {
    Parts parts;
    if (const char* wrong = cut(wanted, parts))
        return invalid(std::string{wrong} + ". Use another URL, and list it with the provider.");
    const bool development = provider.any_loopback_return_url && !parts.tls &&
                             (loopback_address(parts) || parts.host == "localhost");
    if (development) return {};
    if (!parts.tls && !loopback_address(parts))
        return invalid("plain http is for 127.0.0.1 and [::1] only. Use https.");
    if (listed(provider, wanted, parts)) return {};
    return invalid("it is not listed. Add exactly this URL to return_urls of provider " +
                   printable(provider.id.text, 64) + ".");
}

std::string with_fields(std::string_view url, const FormFields& fields) {
    std::string out{url};
    if (fields.empty()) return out;
    if (out.find('?') == std::string::npos) {
        out += '?';
    } else if (out.back() != '?' && out.back() != '&') {
        out += '&';
    }
    return out + print_form(fields);
}

}  // namespace latchkey
