#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "net/head_lines.h"

namespace latchkey {

/// An answer's head, read once: views into the bytes it was read from.
struct AnswerHead {
    int status = 0;
    std::string_view status_line;  ///< without its line end
    bool http_1_0 = false;
    bool keep_alive = false;  ///< by its version and its Connection lines
    bool chunked = false;
    std::optional<std::uint64_t> length;  ///< Content-Length
    std::vector<HeadLine> lines;

    /// How its body ends, if it has one.
    enum class Ends { at_once, by_length, by_chunks, by_close };
    /// 1xx, 204, 304 and whatever answers a HEAD have no body (RFC 9112 section 6.3).
    Ends ends(bool to_head) const;
};

/// Reads a whole head, which ends with the empty line. As strict as with a request, for the same
/// reason: an answer whose end is in doubt would be taken for another caller's.
///
/// returns  null, and `head` filled in; else what is wrong, in words of ours
const char* scan_answer(std::string_view bytes, std::size_t most_lines, AnswerHead& head);

}  // namespace latchkey
