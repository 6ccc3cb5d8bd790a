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

// Written anew for every relayed answer.
constexpr std::array<std::string_view, 2> marks = {"content-security-policy",
                                                   "x-content-type-options"};

constexpr std::size_t longest_listed = 32;

/// A name in lower case, without an allocation. Longer ones are in no list; of those only the
/// beginning is looked at.
class Name {
public:
    explicit Name(std::string_view name) : size_(std::min(name.size(), longest_listed)) {
        for (std::size_t i = 0; i < size_; ++i) {
            const char c = name[i];
            text_[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
        whole_ = size_ == name.size();
    }
    std::string_view text() const { return {text_.data(), size_}; }

    template <std::size_t N>
    bool in(const std::array<std::string_view, N>& list) const {
        return whole_ && std::find(list.begin(), list.end(), text()) != list.end();
    }
    template <std::size_t N>
    bool begins_as(const std::array<std::string_view, N>& list) const {
        return std::any_of(list.begin(), list.end(),
                           [this](std::string_view prefix) { return text().starts_with(prefix); });
    }

private:
    std::array<char, longest_listed> text_{};
    std::size_t size_;
    bool whole_;
};

/// The names that Connection lines call hop-by-hop, as views into their values. There are few.
using Named = std::vector<std::string_view>;

void note_named(std::string_view name, std::string_view value, Named& named) {
    if (!ascii_iequal(name, "Connection")) return;
    each_element(value, [&](std::string_view element) { named.push_back(element); });
}

bool among(const Named& named, std::string_view name) {
    return std::any_of(named.begin(), named.end(),
                       [&](std::string_view one) { return ascii_iequal(one, name); });
}

bool stays_on(std::string_view location, const Origin& instance);

/// The rule for a line of a caller.
bool goes_up(std::string_view line_name, const Named& named) {
    if (line_name.find('_') != std::string_view::npos || among(named, line_name)) return false;
    const Name name{line_name};
    return !name.in(hop_by_hop) && !name.in(not_up) && !name.begins_as(not_up_prefixes);
}

/// The rule for a line of Salesforce.
bool comes_down(std::string_view line_name, std::string_view value, const Named& named,
                const Origin& instance) {
    if (among(named, line_name)) return false;
    const Name name{line_name};
    if (name.in(hop_by_hop) || name.in(not_down) || name.begins_as(not_down_prefixes)) return false;
    return name.text() != "location" || stays_on(value, instance);
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
        if (comes_down(line.name, line.value, named, instance)) down.add(line.name, line.value);
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
        return comes_down(line.name, line.value, named, instance) && !Name{line.name}.in(marks);
    });
}

void append_relay_marks(std::string& out) {
    out.append(
        "Latchkey-Answer: salesforce\r\nContent-Security-Policy: sandbox\r\n"
        "X-Content-Type-Options: nosniff\r\n");
}

}  // namespace latchkey
