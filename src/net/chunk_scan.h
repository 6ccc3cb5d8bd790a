#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace latchkey {

/// Finds out where a chunked body ends, in whatever pieces its bytes come; changes and keeps none
/// of them, so that they can be passed on as they are.
///
/// Strict: a size is 1 to 16 hexadecimal digits; extensions are visible ASCII, blanks and tabs; all
/// lines end with CR LF; a trailer's lines are well-formed header lines. One chunk's line has at
/// most 1 KiB and a trailer 8 KiB.
///
/// source  RFC 9112 section 7.1
class ChunkScanner {
public:
    enum class Piece {
        framing,  ///< a size line or the line end behind a chunk's bytes
        data,     ///< bytes of the body
        trailer,  ///< bytes behind the last chunk's line, the empty line that ends it all included
        broken,   ///< not a chunked body; no more is to be asked
    };
    struct Step {
        Piece piece;
        std::size_t bytes;  ///< of those given, from the first one
    };

    /// What the next bytes are. `bytes` is not empty and the body is not at its end.
    Step next(std::string_view bytes);

    /// True behind the last byte of the body.
    bool ended() const { return at_ == At::end; }

private:
    enum class At {
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        line,  ///< of the trailer: its first byte
        name,
        value,
        line_lf,
        last_lf,
        end,
        broken,
    };
    bool take(char c);
    bool take_size(char c);

    At at_ = At::size;
    std::uint64_t left_ = 0;   ///< of the chunk
    std::size_t digits_ = 0;   ///< of the size
    std::size_t counted_ = 0;  ///< bytes of this chunk's line, or of the trailer
    bool last_ = false;        ///< the chunk without bytes has come
};

}  // namespace latchkey
