#include "gateway/path_rules.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/text.h"

namespace latchkey {
namespace {

constexpr std::size_t target_limit = 16 * 1024;
constexpr std::array<std::string_view, 6> methods = {"GET", "HEAD",  "POST",
                                                     "PUT", "PATCH", "DELETE"};

// Below /services/: where tokens are issued, and where logins of other systems come in.
constexpr std::array<std::string_view, 3> forbidden_services = {"oauth2", "auth", "authcallback"};
// Beginnings of a path's first segment that are pages of the login and of the setup.
constexpr std::array<std::string_view, 3> forbidden_pages = {"secur", "login", "setup"};

Error not_allowed(const char* why) {
    return {Fault::bad_input, "path_not_allowed",
            std::string{"This path is not forwarded: "} + why +
                " Call /services/... with a plain path."};
}

Error forbidden() {
    return {Fault::denied, "path_not_allowed",
            "OAuth and login pages are not for API calls. Use latchkey's own routes for tokens and "
            "connections."};
}

Error soap() {
    return {
        Fault::denied, "path_not_allowed",
        "SOAP calls carry their session in the body, which is passed on unread, so they are not "
        "forwarded. Use the REST, Tooling, Metadata REST or Bulk API."};
}

bool alnum(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// pchar of RFC 3986 section 3.3 without '%' and ';', and the slash.
bool plain(char c) {
    return alnum(static_cast<unsigned char>(c)) ||
           std::string_view{"-._~!$&'()*+,=:@/"}.find(c) != std::string_view::npos;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The byte that an escape at `at` stands for.
std::optional<unsigned char> escaped(std::string_view text, std::size_t at) {
    if (at + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    return static_cast<unsigned char>(high * 16 + low);
}

/// How many bytes follow a first byte in UTF-8, and the least value they make; nullopt for a byte
/// that starts nothing. Overlong forms are how a slash or a dot gets past a filter.
struct Utf8 {
    int more;
    std::uint32_t bits;
    std::uint32_t least;
};
std::optional<Utf8> utf8_start(unsigned char c) {
    if (c >= 0xc2 && c <= 0xdf) return Utf8{1, c & 0x1fu, 0x80};
    if (c >= 0xe0 && c <= 0xef) return Utf8{2, c & 0x0fu, 0x800};
    if (c >= 0xf0 && c <= 0xf4) return Utf8{3, c & 0x07u, 0x10000};
    return std::nullopt;
}

/// Why the escape at `at` is refused; nullptr if it may stay. Moves `at` behind it, or behind the
/// whole sequence where it starts a character of several bytes.
const char* check_escape(std::string_view path, std::size_t& at) {
    const auto byte = escaped(path, at);
    if (!byte) return "an escape in it is broken.";
    at += 3;
    const auto c = *byte;
    if (c < 0x20 || c == 0x7f) return "it has an escaped control byte.";
    if (alnum(c)) return "it escapes what needs no escape.";
    if (c == '.' || c == '/' || c == '\\' || c == ';') return "it hides a dot, slash or semicolon.";
    const bool twice = c == '%' && at + 1 < path.size() && hex_value(path[at]) >= 0 &&
                       hex_value(path[at + 1]) >= 0;
    if (twice) return "it is escaped twice.";
    if (c < 0x80) return nullptr;

    const auto start = utf8_start(c);
    if (!start) return "an escape in it is not UTF-8.";
    auto value = start->bits;
    for (int i = 0; i < start->more; ++i) {
        if (at >= path.size() || path[at] != '%') return "an escape in it is not UTF-8.";
        const auto next = escaped(path, at);
        if (!next || (*next & 0xc0) != 0x80) return "an escape in it is not UTF-8.";
        value = value << 6 | (*next & 0x3fu);
        at += 3;
    }
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < start->least || value > 0x10ffff || surrogate) {
        return "an escape in it is not UTF-8.";
    }
    return nullptr;
}

const char* check_characters(std::string_view path) {
    for (std::size_t at = 0; at < path.size();) {
        if (path[at] == '%') {
            if (const auto* why = check_escape(path, at)) return why;
        } else if (!plain(path[at])) {
            return "it has a character that no path has.";
        } else {
            ++at;
        }
    }
    return nullptr;
}

const char* check_segments(std::string_view path) {
    auto rest = path.substr(1);
    while (true) {
        const auto slash = rest.find('/');
        const auto segment = rest.substr(0, slash);
        if (segment == "." || segment == "..") return "it steps through dots.";
        if (slash == std::string_view::npos) return nullptr;
        if (segment.empty()) return "it has an empty segment.";
        rest.remove_prefix(slash + 1);
    }
}

bool starts_with_in_any_case(std::string_view text, std::string_view lower) {
    return text.size() >= lower.size() && ascii_iequal(text.substr(0, lower.size()), lower);
}

/// Salesforce does not mind case in these, so neither do the rules.
Result<void> check_place(std::string_view path) {
    const auto rest = path.substr(1);
    for (const auto page : forbidden_pages) {
        if (starts_with_in_any_case(rest, page)) return forbidden();
    }
    constexpr std::string_view services = "services/";
    if (!starts_with_in_any_case(rest, services)) return {};
    const auto behind = rest.substr(services.size());
    const auto name = behind.substr(0, behind.find('/'));
    // No service's name has one, and who decodes it may mind no case beyond ASCII either.
    if (name.find('%') != std::string_view::npos)
        return not_allowed("a service's name is escaped.");
    for (const auto service : forbidden_services) {
        if (ascii_iequal(name, service)) return forbidden();
    }
    if (ascii_iequal(name, "soap")) return soap();
    return {};
}

}  // namespace

Result<void> check_method(std::string_view method) {
    if (std::find(methods.begin(), methods.end(), method) != methods.end()) return {};
    return Error{Fault::bad_input, "method_not_allowed",
                 "This method is not forwarded. Use GET, HEAD, POST, PUT, PATCH or DELETE."};
}

Result<void> check_target(std::string_view target) {
    if (target.size() > target_limit) return not_allowed("it is over 16 KiB.");
    if (!target.starts_with('/')) return not_allowed("it does not start with a slash.");
    const auto mark = target.find('?');
    const auto path = target.substr(0, mark);
    const auto query =
        mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);

    if (const auto* why = check_characters(path)) return not_allowed(why);
    if (const auto* why = check_segments(path)) return not_allowed(why);
    const bool clean_query = std::all_of(query.begin(), query.end(),
                                         [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
    if (!clean_query) return not_allowed("its query has a character that no query has.");
    auto place = check_place(path);
    if (!place) return place;
    if (!path.starts_with("/services/")) return not_allowed("it is not below /services/.");
    return {};
}

bool wants_session_line(std::string_view target) {
    return starts_with_in_any_case(target, "/services/async/");
}

}  // namespace latchkey
