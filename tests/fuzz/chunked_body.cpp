#include <cstdint>
#include <string>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/body_meter.h"
#include "tests/fuzz/judge.h"

namespace {

struct Seen {
    std::string plain;
    std::string passed;
    std::size_t used = 0;
    bool ended = false;
    bool broken = false;
};

Seen take(std::string_view bytes, std::size_t piece) {
    auto meter = latchkey::BodyMeter::of_chunks();
    Seen seen;
    while (seen.used < bytes.size() && !meter.ended()) {
        const auto part = bytes.substr(seen.used, piece);
        const auto taken = meter.take(part, seen.plain);
        if (taken.broken) {
            seen.broken = true;
            return seen;
        }
        LATCHKEY_HOLDS(taken.used == part.size() || meter.ended());
        LATCHKEY_HOLDS(taken.passed <= taken.used);
        seen.passed.append(part.substr(0, taken.passed));
        seen.used += taken.used;
    }
    seen.ended = meter.ended();
    if (seen.ended) seen.passed.append(meter.tail());
    return seen;
}

}  // namespace

/// However its bytes come, a chunked body means the same; where it ends, Beast's parser ends too and
/// has read the same bytes; and what is passed on is a chunked body without a trailer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace http = boost::beast::http;
    if (size == 0) return 0;
    const std::size_t piece = 1 + data[0] % 16;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    const auto whole = take(bytes, bytes.size() + 1);
    const auto pieces = take(bytes, piece);
    LATCHKEY_HOLDS(whole.broken == pieces.broken);
    LATCHKEY_HOLDS(whole.ended == pieces.ended);
    if (!whole.ended) return 0;
    LATCHKEY_HOLDS(whole.used == pieces.used);
    LATCHKEY_HOLDS(whole.plain == pieces.plain);
    LATCHKEY_HOLDS(whole.passed == pieces.passed);

    const auto again = take(whole.passed, whole.passed.size());
    LATCHKEY_HOLDS(again.ended && again.used == whole.passed.size());
    LATCHKEY_HOLDS(again.plain == whole.plain);
    LATCHKEY_HOLDS(whole.passed.ends_with("\r\n\r\n"));

    http::response_parser<http::string_body> theirs;
    theirs.eager(true);
    theirs.body_limit(boost::none);
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string all = head + std::string{bytes};
    std::size_t at = 0;
    boost::system::error_code failed;
    while (!theirs.is_done() && !failed) {
        const auto used = theirs.put(boost::asio::buffer(all.data() + at, all.size() - at), failed);
        at += used;
        if (used == 0) break;
    }
    // Only the inside of an extension, which nobody reads, is looked at less closely here.
    const bool extended = bytes.find(';') != std::string_view::npos;
    LATCHKEY_HOLDS(theirs.is_done() || extended);
    if (!theirs.is_done()) return 0;
    LATCHKEY_HOLDS(theirs.get().body() == whole.plain);
    LATCHKEY_HOLDS(at - head.size() == whole.used);
    return 0;
}
