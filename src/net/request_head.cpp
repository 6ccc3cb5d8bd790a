#include "net/request_head.h"

#include <limits>

#include "base/text.h"
#include "net/http_syntax.h"

namespace latchkey {

namespace {

constexpr std::size_t method_bytes = 32;
constexpr std::size_t version_bytes = 8;  // "HTTP/1.1"

constexpr Refusal bad_line_end{400, "A line of the request's head does not end with CR LF."};
constexpr Refusal target_too_long{414, "The request's target is too long."};
constexpr Refusal head_too_long{431, "The request's header lines are too long."};
constexpr Refusal too_many_lines{431, "The request has too many header lines."};
constexpr Refusal bad_request_line{400, "The request line is not METHOD SP /path SP HTTP/1.1."};
constexpr Refusal bad_field{400, "A header line of the request is not NAME: VALUE."};
constexpr Refusal bad_host{
    400, "The request must have exactly one Host, a name with or without a port."};
constexpr Refusal bad_length{400, "The request's Content-Length is not one plain number."};
constexpr Refusal bad_coding{400, "The request's Transfer-Encoding is not one \"chunked\"."};
constexpr Refusal two_framings{400, "The request has both Content-Length and Transfer-Encoding."};
constexpr Refusal bad_version{505, "This server speaks no version of HTTP but 1.1 and 1.0."};
constexpr Refusal bad_expectation{417, "The only expectation this server meets is 100-continue."};
constexpr Refusal body_too_long{413, "The request's body is too long."};

std::optional<Refusal> check_request_line(std::string_view line, const ServerLimits& limits,
                                          bool& http_1_0) {
    const auto first = line.find(' ');
    if (first == std::string_view::npos) return bad_request_line;
    const auto method = line.substr(0, first);
    const auto rest = line.substr(first + 1);
    const auto second = rest.find(' ');
    if (second == std::string_view::npos) return bad_request_line;
    const auto target = rest.substr(0, second);
    const auto version = rest.substr(second + 1);

    if (!is_token(method) || method.size() > method_bytes) return bad_request_line;
    if (target.size() > limits.target_bytes) return target_too_long;
    if (version.size() != version_bytes || !version.starts_with("HTTP/")) return bad_request_line;
    http_1_0 = version == "HTTP/1.0";
    if (!http_1_0 && version != "HTTP/1.1") return bad_version;
    if (!is_origin_form(target)) return bad_request_line;
    return std::nullopt;
}

/// The lines that decide where a request ends, counted.
struct Framing {
    int hosts = 0;
    int lengths = 0;
    int codings = 0;
    int expectations = 0;
};

std::optional<Refusal> check_field(std::string_view line, Framing& seen, HeadFacts& facts) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return bad_field;
    const auto name = line.substr(0, colon);
    const auto raw = line.substr(colon + 1);
    // A folded line starts with a blank and so has no token for a name.
    if (!is_token(name) || !is_field_value(raw)) return bad_field;
    const auto value = trim(raw);

    if (ascii_iequal(name, "Host")) {
        if (++seen.hosts > 1 || !is_host(value)) return bad_host;
    } else if (ascii_iequal(name, "Content-Length")) {
        // A blank after the number is legal, but programs disagree on it and nobody sends it.
        const auto length = parse_decimal(value, std::numeric_limits<std::int64_t>::max());
        if (++seen.lengths > 1 || !length || raw.back() != value.back()) return bad_length;
        facts.length = *length;
    } else if (ascii_iequal(name, "Transfer-Encoding")) {
        if (++seen.codings > 1 || !ascii_iequal(value, "chunked")) return bad_coding;
        facts.chunked = true;
    } else if (ascii_iequal(name, "Expect")) {
        if (++seen.expectations > 1 || !ascii_iequal(value, "100-continue")) return bad_expectation;
        facts.expects_continue = true;
    }
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> check_partial_head(std::string_view received, std::size_t from,
                                          const ServerLimits& limits) {
    for (std::size_t i = from; i < received.size(); ++i) {
        const auto c = static_cast<unsigned char>(received[i]);
        if (c == '\n' && (i == 0 || received[i - 1] != '\r')) return bad_line_end;
        if (c != '\n' && i > 0 && received[i - 1] == '\r') return bad_line_end;
        if (c < 0x20 && c != '\t' && c != '\r' && c != '\n') return bad_field;
    }
    const auto line_end = received.find("\r\n");
    const auto line_limit = method_bytes + limits.target_bytes + version_bytes + 2;
    const auto line_size = line_end == std::string_view::npos ? received.size() : line_end;
    if (line_size > line_limit) return target_too_long;
    if (line_end == 0) return bad_request_line;
    if (line_end != std::string_view::npos && received.size() - line_end > limits.head_bytes + 4) {
        return head_too_long;
    }
    return std::nullopt;
}

std::optional<Refusal> check_head(std::string_view head, const ServerLimits& limits,
                                  HeadFacts& facts) {
    if (auto refusal = check_partial_head(head, 0, limits)) return refusal;

    facts = HeadFacts{};
    Framing seen;
    bool http_1_0 = false;
    const auto line_end = head.find("\r\n");
    if (auto refusal = check_request_line(head.substr(0, line_end), limits, http_1_0)) {
        return refusal;
    }
    std::size_t lines = 0;
    auto rest = head.substr(line_end + 2);
    for (;;) {
        const auto end = rest.find("\r\n");
        if (end == std::string_view::npos) return bad_line_end;
        if (end == 0) break;
        if (++lines > limits.header_lines) return too_many_lines;
        if (auto refusal = check_field(rest.substr(0, end), seen, facts)) return refusal;
        rest.remove_prefix(end + 2);
    }
    if (seen.hosts != 1) return bad_host;
    if (seen.lengths > 0 && facts.chunked) return two_framings;
    if (facts.chunked && http_1_0) return bad_coding;
    if (facts.length > limits.body_bytes) return body_too_long;
    if (http_1_0) facts.expects_continue = false;  // RFC 9110 section 10.1.1
    return std::nullopt;
}

}  // namespace latchkey
