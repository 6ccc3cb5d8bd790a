#include "net/gzip.h"

#include <algorithm>
#include <limits>

#include <zlib.h>

namespace latchkey {

namespace {

constexpr int gzip_only = 16 + MAX_WBITS;  // neither zlib's own format nor a guess
constexpr std::size_t step_bytes = 16 * 1024;

/// Frees zlib's memory on every way out.
struct Inflater {
    z_stream stream{};
    bool ready = inflateInit2(&stream, gzip_only) == Z_OK;
    Inflater() = default;
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() {
        if (ready) inflateEnd(&stream);
    }
};

Error bad() {
    return Error{Fault::bad_input, "bad_gzip",
                 "The body says it is gzip but is not one whole gzip member."};
}

}  // namespace

Result<std::string> gunzip(std::string_view packed, std::size_t limit) {
    Inflater inflater;
    if (!inflater.ready || packed.size() > std::numeric_limits<uInt>::max()) return bad();
    auto& stream = inflater.stream;
    // zlib does not write to its input, but its older interface does not say so.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());

    std::string plain;
    for (;;) {
        const auto had = plain.size();
        // One byte over the limit is asked for, to tell "exactly the limit" from "more".
        const auto room = std::min(step_bytes, limit + 1 - had);
        plain.resize(had + room);
        stream.next_out = reinterpret_cast<Bytef*>(plain.data() + had);
        stream.avail_out = static_cast<uInt>(room);
        const int outcome = inflate(&stream, Z_NO_FLUSH);
        plain.resize(had + room - stream.avail_out);
        if (plain.size() > limit) {
            return Error{Fault::bad_input, "gzip_too_large",
                         "The body unpacks to more than the limit; the rest was left packed."};
        }
        if (outcome == Z_STREAM_END) break;
        // Output room is left over: all input is used up and the member has not ended.
        if (outcome != Z_OK || stream.avail_out != 0) return bad();
    }
    if (stream.avail_in != 0) return bad();
    return plain;
}

}  // namespace latchkey
