#include "net/chunk_scan.h"

#include <algorithm>

#include "net/http_syntax.h"

namespace latchkey {

namespace {

constexpr std::size_t most_digits = 16;
constexpr std::size_t most_line_bytes = 1024;
constexpr std::size_t most_trailer_bytes = 8 * 1024;
// Sizes are added up in signed numbers by others.
constexpr std::uint64_t largest_chunk = std::uint64_t{1} << 62;

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_text(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

ChunkScanner::Step ChunkScanner::next(std::string_view bytes) {
    if (at_ == At::data) {
        const auto here = std::min<std::uint64_t>(left_, bytes.size());
        left_ -= here;
        if (left_ == 0) at_ = At::data_cr;
        return {Piece::data, static_cast<std::size_t>(here)};
    }
    const auto piece = last_ && at_ >= At::line ? Piece::trailer : Piece::framing;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (!take(bytes[i])) {
            at_ = At::broken;
            return {Piece::broken, 0};
        }
        // The caller is told of each change between framing, data and trailer.
        const bool turned =
            at_ == At::data || at_ == At::end || (piece == Piece::framing && at_ == At::line);
        if (turned) return {piece, i + 1};
    }
    return {piece, bytes.size()};
}

bool ChunkScanner::take_size(char c) {
    const int digit = hex_value(c);
    if (digit >= 0) {
        if (++digits_ > most_digits || left_ >> 58 != 0) return false;
        left_ = left_ * 16 + static_cast<unsigned>(digit);
        return left_ <= largest_chunk;
    }
    if (digits_ == 0) return false;
    last_ = left_ == 0;
    if (c == ';') at_ = At::extension;
    if (c == '\r') at_ = At::size_lf;
    return c == ';' || c == '\r';
}

bool ChunkScanner::take(char c) {
    const bool in_trailer = at_ >= At::line;
    if (++counted_ > (in_trailer ? most_trailer_bytes : most_line_bytes)) return false;
    switch (at_) {
        case At::size:
            return take_size(c);
        case At::extension:
            if (c == '\r') at_ = At::size_lf;
            return c == '\r' || (is_text(c) && static_cast<unsigned char>(c) < 0x80);
        case At::size_lf:
            at_ = last_ ? At::line : At::data;
            digits_ = 0;
            counted_ = 0;
            return c == '\n';
        case At::data_cr:
            at_ = At::data_lf;
            return c == '\r';
        case At::data_lf:
            at_ = At::size;
            return c == '\n';
        case At::line:
            at_ = c == '\r' ? At::last_lf : At::name;
            return c == '\r' || is_token_char(c);
        case At::name:
            if (c == ':') at_ = At::value;
            return c == ':' || is_token_char(c);
        case At::value:
            if (c == '\r') at_ = At::line_lf;
            return c == '\r' || is_text(c);
        case At::line_lf:
            at_ = At::line;
            return c == '\n';
        case At::last_lf:
            at_ = At::end;
            return c == '\n';
        case At::data:
        case At::end:
        case At::broken:
            return false;
    }
    return false;
}

}  // namespace latchkey
