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

/// What the name of a line means to the rules; several may hold.
enum Meaning : unsigned {
    hop_by_hop = 1,  ///< RFC 9110 section 7.6.1, and what the transport writes itself
    not_up = 2,
    not_down = 4,
    mark = 8,  ///< written anew for every relayed answer
    place = 16,
};

struct Listed {
    std::string_view name;  ///< in lower case
    unsigned meaning;
};

constexpr auto listed = std::to_array<Listed>({
    {"connection", hop_by_hop},
    {"keep-alive", hop_by_hop},
    {"te", hop_by_hop},
    {"trailer", hop_by_hop},
    {"trailers", hop_by_hop},
    {"transfer-encoding", hop_by_hop},
    {"upgrade", hop_by_hop},
    {"http2-settings", hop_by_hop},
    {"expect", hop_by_hop},
    {"content-length", hop_by_hop},
    {"host", hop_by_hop},
    {"close", hop_by_hop},
    {"authorization", not_up},
    {"cookie", not_up},
    {"cookie2", not_up},
    {"x-sfdc-session", not_up},
    {"dpop", not_up},
    {"forwarded", not_up},
    {"via", not_up},
    {"x-real-ip", not_up},
    {"true-client-ip", not_up},
    {"x-client-ip", not_up},
    {"x-original-url", not_up},
    {"x-rewrite-url", not_up},
    {"x-http-method", not_up},
    {"x-http-method-override", not_up},
    {"x-method-override", not_up},
    {"x-original-host", not_up},
    {"x-host", not_up},
    {"cf-connecting-ip", not_up},
    {"x-original-uri", not_up},
    {"set-cookie", not_down},
    {"set-cookie2", not_down},
    {"clear-site-data", not_down},
    {"alt-svc", not_down},
    {"strict-transport-security", not_down},
    {"public-key-pins", not_down},
    {"public-key-pins-report-only", not_down},
    {"refresh", not_down},
    {"service-worker-allowed", not_down},
    {"content-security-policy", mark},
    {"x-content-type-options", mark},
    {"location", place},
});
constexpr auto listed_beginnings = std::to_array<Listed>({
    {"proxy-", not_up | not_down},
    {"x-forwarded-", not_up},
    {"latchkey-", not_up | not_down},
});

/// Finds a name among the listed ones: it is asked of every line that passes through.
class Names {
public:
    constexpr Names() {
        for (std::size_t i = 0; i < listed.size(); ++i) {
            auto& first = first_[shelf(listed[i].name)];
            next_[i] = first;
            first = static_cast<unsigned char>(i + 1);
        }
    }
    unsigned meaning(std::string_view name) const {
        if (name.empty()) return 0;
        for (auto at = first_[shelf(name)]; at != 0; at = next_[at - 1u]) {
            if (ascii_iequal(listed[at - 1u].name, name)) return listed[at - 1u].meaning;
        }
        for (const auto& beginning : listed_beginnings) {
            if (small(name.front()) == static_cast<unsigned char>(beginning.name.front()) &&
                ascii_iequal(name.substr(0, beginning.name.size()), beginning.name))
                return beginning.meaning;
        }
        return 0;
    }

private:
    static constexpr std::size_t shelves = 256;
    /// Letters become small ones; that others change too does no harm, for both sides do.
    static constexpr unsigned small(char c) { return static_cast<unsigned char>(c) | 0x20u; }
    static constexpr std::size_t shelf(std::string_view name) {
        return (name.size() * 7 + small(name.front()) * 3 + small(name.back()) * 31) % shelves;
    }
    std::array<unsigned char, shelves> first_{};  ///< a number in the list, from 1; 0: none
    std::array<unsigned char, listed.size()> next_{};
};
constexpr Names names;

/// The names that Connection lines call hop-by-hop, as views into their values. There are few.
using Named = std::vector<std::string_view>;

constexpr std::string_view connection{"Connection"};
void note_named(std::string_view name, std::string_view value, Named& named) {
    if (name.size() != connection.size() || !ascii_iequal(name, connection)) return;
    each_element(value, [&](std::string_view element) { named.push_back(element); });
}

bool among(const Named& named, std::string_view name) {
    return std::any_of(named.begin(), named.end(),
                       [&](std::string_view one) { return ascii_iequal(one, name); });
}

bool stays_on(std::string_view location, const Origin& instance);

/// The rule for a line of a caller.
bool goes_up(std::string_view name, const Named& named) {
    if (name.find('_') != std::string_view::npos || among(named, name)) return false;
    return (names.meaning(name) & (hop_by_hop | not_up)) == 0;
}

/// The rule for a line of Salesforce that means this.
bool comes_down(unsigned meaning, std::string_view name, std::string_view value, const Named& named,
                const Origin& instance) {
    if ((meaning & (hop_by_hop | not_down)) != 0 || among(named, name)) return false;
    return (meaning & place) == 0 || stays_on(value, instance);
}

/// Appends the lines that `stays` wants, neighbours together.
template <class Stays>
void append_runs(std::span<const HeadLine> lines, std::string& out, Stays stays) {
    const char* run = nullptr;
    const char* run_end = nullptr;
    for (const auto& line : lines) {
        if (!stays(line)) continue;
        const char* const begin = line.whole.data();
        if (begin != run_end) {
            if (run) out.append(run, run_end);
            run = begin;
        }
        run_end = begin + line.whole.size();
    }
    if (run) out.append(run, run_end);
}

Named named_in(std::span<const HeadLine> lines) {
    Named named;
    for (const auto& line : lines) note_named(line.name, line.value, named);
    return named;
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
    Named named;
    for (const auto& line : callers) note_named(line.name, line.value, named);
    Headers up;
    for (const auto& line : callers) {
        if (!is_token(line.name) || !is_field_value(line.value)) {
            return Error{Fault::bad_input, "invalid_header",
                         "A header line has a character that no header has. Send it without."};
        }
        if (goes_up(line.name, named)) up.add(line.name, line.value);
    }
    up.add("Authorization", "Bearer " + std::string{access_token.reveal()});
    return up;
}

Headers headers_down(const Headers& theirs, const Origin& instance) {
    Named named;
    for (const auto& line : theirs) note_named(line.name, line.value, named);
    Headers down;
    for (const auto& line : theirs) {
        const auto meaning = names.meaning(line.name);
        if (comes_down(meaning, line.name, line.value, named, instance))
            down.add(line.name, line.value);
    }
    return down;
}

void append_lines_up(std::span<const HeadLine> callers, std::string& out) {
    const auto named = named_in(callers);
    append_runs(callers, out, [&](const HeadLine& line) { return goes_up(line.name, named); });
}

void append_lines_down(std::span<const HeadLine> theirs, const Origin& instance, std::string& out) {
    const auto named = named_in(theirs);
    append_runs(theirs, out, [&](const HeadLine& line) {
        const auto meaning = names.meaning(line.name);
        return (meaning & mark) == 0 && comes_down(meaning, line.name, line.value, named, instance);
    });
}

void append_relay_marks(std::string& out) {
    out.append(
        "Latchkey-Answer: salesforce\r\nContent-Security-Policy: sandbox\r\n"
        "X-Content-Type-Options: nosniff\r\n");
}

}  // namespace latchkey
