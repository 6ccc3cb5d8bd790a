#include "net/answer_head.h"

#include <limits>

#include "base/text.h"
#include "net/http_syntax.h"
#include "net/token_list.h"

namespace latchkey {

namespace {

constexpr std::size_t version_bytes = 8;  // "HTTP/1.1"

/// HTTP/1.x SP 3DIGIT, and a reason that nobody reads behind another blank; some leave that out.
bool read_status_line(std::string_view line, AnswerHead& head) {
    if (line.size() < version_bytes + 4 || line[version_bytes] != ' ') return false;
    const auto version = line.substr(0, version_bytes);
    head.http_1_0 = version == "HTTP/1.0";
    if (!head.http_1_0 && version != "HTTP/1.1") return false;
    const auto status = parse_decimal(line.substr(version_bytes + 1, 3), 599);
    if (!status || *status < 100) return false;
    const auto reason = line.substr(version_bytes + 4);
    if (!reason.empty() && reason.front() != ' ') return false;
    if (!is_field_value(reason)) return false;
    head.status = static_cast<int>(*status);
    head.status_line = line;
    return true;
}

}  // namespace

AnswerHead::Ends AnswerHead::ends(bool to_head) const {
    if (to_head || status < 200 || status == 204 || status == 304) return Ends::at_once;
    if (chunked) return Ends::by_chunks;
    if (length) return *length == 0 ? Ends::at_once : Ends::by_length;
    return Ends::by_close;
}

const char* scan_answer(std::string_view bytes, std::size_t most_lines, AnswerHead& head) {
    const auto line_end = bytes.find("\r\n");
    if (line_end == std::string_view::npos || !read_status_line(bytes.substr(0, line_end), head)) {
        return "its first line is not one of HTTP/1.1";
    }
    switch (read_lines(bytes.substr(line_end + 2), most_lines, head.lines)) {
        case LinesRead::all:
            break;
        case LinesRead::bad_line:
            return "a header line is not NAME: VALUE";
        case LinesRead::too_many:
            return "it has too many header lines";
    }
    head.chunked = false;
    head.length.reset();
    int codings = 0;
    bool close = false;
    bool stay = false;
    for (const auto& line : head.lines) {
        const auto is = [&](std::string_view name) {
            return line.name.size() == name.size() && ascii_iequal(line.name, name);
        };
        if (is("Content-Length")) {
            const auto length = parse_decimal(line.value, std::numeric_limits<std::int64_t>::max());
            if (head.length || !length) return "its Content-Length is not one plain number";
            head.length = *length;
        } else if (is("Transfer-Encoding")) {
            if (++codings > 1 || !ascii_iequal(line.value, "chunked")) {
                return "its Transfer-Encoding is not one \"chunked\"";
            }
            head.chunked = true;
        } else if (is("Connection")) {
            if (!is_token_list(line.value)) return "its Connection is not a list of names";
            each_element(line.value, [&](std::string_view option) {
                if (ascii_iequal(option, "close")) close = true;
                if (ascii_iequal(option, "keep-alive")) stay = true;
            });
        }
    }
    if (head.chunked && head.length) return "it has both Content-Length and Transfer-Encoding";
    if (head.chunked && head.http_1_0) return "it has chunks, which HTTP/1.0 does not know";
    head.keep_alive = !close && (!head.http_1_0 || stay);
    return nullptr;
}

}  // namespace latchkey
