#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace latchkey::emulator::rest {

enum class SoqlTokenKind {
    end,
    word,     ///< field, object or keyword
    number,   ///< anything that begins with a digit or a sign: numbers, dates, datetimes
    text,     ///< in single quotes
    symbol,   ///< ( ) , . : and the comparisons
    unknown,  ///< a byte that cannot begin a token, or a text without its end or with a bad escape
};

struct SoqlToken {
    SoqlTokenKind kind = SoqlTokenKind::end;
    std::string_view raw;  ///< as written, quotes included; points into the query
    std::size_t at = 0;
    std::string text;     ///< of a text: escapes resolved
    std::string pattern;  ///< of a text: as in SoqlLiteral
};

/// Cuts a query into tokens, one at a time.
class SoqlLexer {
public:
    /// `query` must outlive this object and its tokens.
    explicit SoqlLexer(std::string_view query) : query_(query) {}
    SoqlToken next();

private:
    SoqlToken text_token();
    SoqlToken cut(SoqlTokenKind kind, std::size_t length);

    std::string_view query_;
    std::size_t at_ = 0;
};

}  // namespace latchkey::emulator::rest
