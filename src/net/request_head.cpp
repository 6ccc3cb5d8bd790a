#include "net/request_head.h"

#include <limits>

#include "base/text.h"
#include "net/http_syntax.h"
#include "net/token_list.h"

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

std::optional<Refusal> read_request_line(std::string_view line, const ServerLimits& limits,
                                         RequestHead& head) {
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
    head.http_1_0 = version == "HTTP/1.0";
    if (!head.http_1_0 && version != "HTTP/1.1") return bad_version;
    if (!is_origin_form(target)) return bad_request_line;
    head.method = method;
    head.target = target;
    return std::nullopt;
}

/// The lines that decide where a request ends, counted.
struct Framing {
    int hosts = 0;
    int lengths = 0;
    int codings = 0;
    int expectations = 0;
};

std::optional<Refusal> weigh(const HeadLine& line, Framing& seen, RequestHead& head,
                             bool& asked_to_stay) {
    const auto is = [&](std::string_view name) { return ascii_iequal(line.name, name); };
    // By length first: most lines are none of these.
    switch (line.name.size()) {
        case 4:
            if (is("Host") && (++seen.hosts > 1 || !is_host(line.value))) return bad_host;
            break;
        case 6:
            if (!is("Expect")) break;
            if (++seen.expectations > 1 || !ascii_iequal(line.value, "100-continue")) {
                return bad_expectation;
            }
            head.expects_continue = true;
            break;
        case 10:
            if (!is("Connection")) break;
            if (!is_token_list(line.value)) return bad_field;
            each_element(line.value, [&](std::string_view option) {
                if (ascii_iequal(option, "close")) head.keep_alive = false;
                if (ascii_iequal(option, "keep-alive")) asked_to_stay = true;
            });
            break;
        case 14: {
            if (!is("Content-Length")) break;
            // A blank after the number is legal, but programs disagree on it and nobody sends it.
            const bool blank_behind =
                !line.whole.substr(0, line.whole.size() - 2)
                     .ends_with(line.value.empty() ? std::string_view{":"} : line.value);
            const auto length = parse_decimal(line.value, std::numeric_limits<std::int64_t>::max());
            if (++seen.lengths > 1 || !length || blank_behind) return bad_length;
            head.length = *length;
            head.has_length = true;
            break;
        }
        case 17:
            if (!is("Transfer-Encoding")) break;
            if (++seen.codings > 1 || !ascii_iequal(line.value, "chunked")) return bad_coding;
            head.chunked = true;
            break;
        default:
            break;
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

std::optional<Refusal> scan_request(std::string_view bytes, const ServerLimits& limits,
                                    RequestHead& head) {
    static_cast<HeadFacts&>(head) = HeadFacts{};
    const auto line_end = bytes.find("\r\n");
    if (line_end == std::string_view::npos) return bad_line_end;
    if (auto refusal = read_request_line(bytes.substr(0, line_end), limits, head)) return refusal;
    const auto rest = bytes.substr(line_end + 2);
    if (rest.size() > limits.head_bytes + 2) return head_too_long;
    switch (read_lines(rest, limits.header_lines, head.lines)) {
        case LinesRead::all:
            break;
        case LinesRead::bad_line:
            return bad_field;
        case LinesRead::too_many:
            return too_many_lines;
    }
    Framing seen;
    bool asked_to_stay = false;
    for (const auto& line : head.lines) {
        if (auto refusal = weigh(line, seen, head, asked_to_stay)) return refusal;
    }
    if (seen.hosts != 1) return bad_host;
    if (seen.lengths > 0 && head.chunked) return two_framings;
    if (head.chunked && head.http_1_0) return bad_coding;
    if (head.http_1_0) {
        head.expects_continue = false;  // RFC 9110 section 10.1.1
        head.keep_alive = head.keep_alive && asked_to_stay;
    }
    return std::nullopt;
}

}  // namespace latchkey
