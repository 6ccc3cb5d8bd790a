#include "net/head_lines.h"

#include <array>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "net/http_syntax.h"

namespace latchkey {

namespace {

/// Where the run of bytes that a value may hold ends: the first control byte but the tab.
const char* value_end(const char* at, const char* end) {
#ifdef __SSE2__
    // Sixteen bytes at a time: values are most of a head.
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i del = _mm_set1_epi8(0x7f);
    const __m128i last_control = _mm_set1_epi8(0x1f);
    for (; end - at >= 16; at += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
        const __m128i stops = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), control),
                                           _mm_cmpeq_epi8(bytes, del));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(stops));
        if (mask != 0) return at + __builtin_ctz(mask);
    }
#endif
    while (at != end) {
        const auto c = static_cast<unsigned char>(*at);
        if ((c < 0x20 && c != '\t') || c == 0x7f) break;
        ++at;
    }
    return at;
}

/// Where the run of bytes that a name may hold ends.
const char* name_end(const char* at, const char* end) {
#ifdef __SSE2__
    // Nearly all are of letters and hyphens; whatever stops the run is looked at by itself below.
    const __m128i small = _mm_set1_epi8(0x20);
    const __m128i before_a = _mm_set1_epi8('a' - 1);
    const __m128i behind_z = _mm_set1_epi8('z' + 1);
    const __m128i hyphen = _mm_set1_epi8('-');
    for (; end - at >= 16; at += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i lower = _mm_or_si128(bytes, small);
        // Signed: a byte above 0x7f is below every letter.
        const __m128i letter =
            _mm_and_si128(_mm_cmpgt_epi8(lower, before_a), _mm_cmplt_epi8(lower, behind_z));
        const __m128i fine = _mm_or_si128(letter, _mm_cmpeq_epi8(bytes, hyphen));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(fine)) ^ 0xffffu;
        if (mask == 0) continue;
        at += __builtin_ctz(mask);
        break;
    }
#endif
    while (at != end && is_token_char(*at)) ++at;
    return at;
}

std::string_view between(const char* from, const char* to) {
    return {from, static_cast<std::size_t>(to - from)};
}

}  // namespace

LinesRead read_lines(std::string_view text, std::size_t most, std::vector<HeadLine>& lines) {
    lines.clear();
    const char* at = text.data();
    const char* const end = at + text.size();
    for (;;) {
        if (end - at < 2) return LinesRead::bad_line;
        if (at[0] == '\r') return at[1] == '\n' ? LinesRead::all : LinesRead::bad_line;
        if (lines.size() == most) return LinesRead::too_many;

        const char* const name = at;
        at = name_end(at, end);
        // A folded line begins with a blank and so has no name.
        if (at == name || at == end || *at != ':') return LinesRead::bad_line;
        const char* const colon = at++;
        at = value_end(at, end);
        if (end - at < 2 || at[0] != '\r' || at[1] != '\n') return LinesRead::bad_line;
        HeadLine line;
        line.name = between(name, colon);
        line.value = trim(between(colon + 1, at));
        at += 2;
        line.whole = between(name, at);
        lines.push_back(line);
    }
}

}  // namespace latchkey
