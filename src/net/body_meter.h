#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/chunk_scan.h"

namespace latchkey {

/// Follows a body through the bytes that carry it: which of them belong to it, which of those are
/// passed on as they are, and where it ends. Keeps none of them.
class BodyMeter {
public:
    static BodyMeter none() { return BodyMeter{Kind::length, 0}; }
    static BodyMeter of_length(std::uint64_t bytes) { return BodyMeter{Kind::length, bytes}; }
    static BodyMeter of_chunks() { return BodyMeter{Kind::chunks, 0}; }
    /// Ends where the connection does: `end` says so.
    static BodyMeter until_close() { return BodyMeter{Kind::close, 0}; }

    struct Taken {
        std::size_t used = 0;    ///< bytes of the body, from the first one
        std::size_t passed = 0;  ///< how many of them are passed on; a trailer is not
        bool broken = false;
    };
    /// Looks at the next bytes, up to the body's end if it is among them.
    Taken take(std::string_view bytes);
    /// The same, and appends the body's own bytes, without framing, to `plain`.
    Taken take(std::string_view bytes, std::string& plain);

    bool ended() const { return ended_; }
    /// What has to follow the passed bytes of a body that has ended: the line that ends the chunks,
    /// where a dropped trailer took it along.
    std::string_view tail() const { return tail_ ? "\r\n" : ""; }
    /// The connection is at its end. False: the body is not.
    bool end();
    /// How many bytes it certainly has left; 0 where that is not known.
    std::uint64_t left() const { return kind_ == Kind::length ? left_ : 0; }

private:
    enum class Kind { length, chunks, close };
    BodyMeter(Kind kind, std::uint64_t bytes)
        : kind_(kind), left_(bytes), ended_(kind == Kind::length && bytes == 0) {}
    Taken take(std::string_view bytes, std::string* plain);

    Kind kind_;
    std::uint64_t left_;
    ChunkScanner chunks_;
    bool ended_;
    bool tail_ = false;
};

}  // namespace latchkey
