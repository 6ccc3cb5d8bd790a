#include <cstdint>
#include <set>
#include <string>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "net/answer_head.h"
#include "tests/fuzz/judge.h"

/// Whatever answer's head is accepted is one to Beast's parser too, and means the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace http = boost::beast::http;
    using namespace latchkey;
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    const auto head = bytes.substr(0, end + 4);
    AnswerHead ours;
    if (scan_answer(head, 200, ours) != nullptr) return 0;

    http::response_parser<http::empty_body> theirs;
    theirs.header_limit(1 << 20);
    theirs.skip(true);
    boost::system::error_code failed;
    theirs.put(boost::asio::buffer(head.data(), head.size()), failed);
    if (failed == http::error::need_more) failed = {};
    // Beast wants the blank before a reason that is not there.
    const bool no_reason = ours.status_line.size() == 12;
    LATCHKEY_HOLDS(!failed || no_reason);
    if (failed) return 0;
    LATCHKEY_HOLDS(theirs.is_header_done());
    LATCHKEY_HOLDS(static_cast<int>(theirs.get().result_int()) == ours.status);
    LATCHKEY_HOLDS((theirs.get().version() == 10) == ours.http_1_0);
    LATCHKEY_HOLDS(theirs.chunked() == ours.chunked);
    LATCHKEY_HOLDS(theirs.content_length().has_value() == ours.length.has_value());
    if (ours.length) LATCHKEY_HOLDS(*theirs.content_length() == *ours.length);
    std::multiset<std::string> lines;
    for (const auto& line : ours.lines)
        lines.insert(std::string{line.name} + ":" + std::string{line.value});
    std::multiset<std::string> fields;
    for (const auto& field : theirs.get())
        fields.insert(std::string{field.name_string()} + ":" + std::string{field.value()});
    LATCHKEY_HOLDS(lines == fields);
    return 0;
}
