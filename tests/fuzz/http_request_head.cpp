#include <cstdint>
#include <set>
#include <string>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "net/request_head.h"
#include "tests/fuzz/judge.h"

/// Whatever head is accepted is one to Beast's parser too, and means the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace http = boost::beast::http;
    using namespace latchkey;
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const ServerLimits limits;
    const auto partial = check_partial_head(bytes, 0, limits);
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    const auto head = bytes.substr(0, end + 4);
    RequestHead ours;
    if (scan_request(head, limits, ours)) return 0;
    // What is refused half read must not be accepted when it is whole.
    LATCHKEY_HOLDS(!partial || bytes.size() > head.size());

    http::request_parser<http::empty_body> theirs;
    theirs.header_limit(1 << 20);
    theirs.body_limit(boost::none);
    boost::system::error_code failed;
    const auto used = theirs.put(boost::asio::buffer(head.data(), head.size()), failed);
    if (failed == http::error::need_more) failed = {};
    LATCHKEY_HOLDS(!failed);
    LATCHKEY_HOLDS(used == head.size());
    LATCHKEY_HOLDS(theirs.is_header_done());
    LATCHKEY_HOLDS(theirs.get().method_string() == ours.method);
    LATCHKEY_HOLDS(theirs.get().target() == ours.target);
    LATCHKEY_HOLDS((theirs.get().version() == 10) == ours.http_1_0);
    // Where both are asked for, Beast keeps the connection; RFC 9112 section 9.3 closes it.
    if (ours.keep_alive || !ours.http_1_0) {
        LATCHKEY_HOLDS(theirs.keep_alive() == ours.keep_alive);
    }
    LATCHKEY_HOLDS(theirs.chunked() == ours.chunked);
    LATCHKEY_HOLDS(theirs.content_length().has_value() == ours.has_length);
    if (ours.has_length) LATCHKEY_HOLDS(*theirs.content_length() == ours.length);
    std::multiset<std::string> lines;
    for (const auto& line : ours.lines)
        lines.insert(std::string{line.name} + ":" + std::string{line.value});
    std::multiset<std::string> fields;
    for (const auto& field : theirs.get())
        fields.insert(std::string{field.name_string()} + ":" + std::string{field.value()});
    LATCHKEY_HOLDS(lines == fields);
    return 0;
}
