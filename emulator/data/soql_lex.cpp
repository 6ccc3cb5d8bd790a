#include "emulator/data/soql_lex.h"

namespace latchkey::emulator::rest {
namespace {

bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool sign(char c) {
    return c == '+' || c == '-';
}

/// What an escape stands for; '\0' for one that SOQL does not know.
char unescaped(char c) {
    switch (c) {
        case 'n':
        case 'N':
            return '\n';
        case 'r':
        case 'R':
            return '\r';
        case 't':
        case 'T':
            return '\t';
        case 'b':
        case 'B':
            return '\b';
        case 'f':
        case 'F':
            return '\f';
        case '"':
        case '\'':
        case '\\':
        case '_':
        case '%':
            return c;
        default:
            return '\0';
    }
}

}  // namespace

SoqlToken SoqlLexer::cut(SoqlTokenKind kind, std::size_t length) {
    SoqlToken token;
    token.kind = kind;
    token.raw = query_.substr(at_, length);
    token.at = at_;
    at_ += token.raw.size();
    return token;
}

SoqlToken SoqlLexer::text_token() {
    std::string text, pattern;
    for (std::size_t i = at_ + 1; i < query_.size(); ++i) {
        char c = query_[i];
        if (c == '\'') {
            SoqlToken token = cut(SoqlTokenKind::text, i + 1 - at_);
            token.text = std::move(text);
            token.pattern = std::move(pattern);
            return token;
        }
        if (c == '\\') {
            c = ++i < query_.size() ? unescaped(query_[i]) : '\0';
            if (c == '\0') break;
            if (c == '%' || c == '_' || c == '\\') pattern += '\\';
        }
        text += c;
        pattern += c;
    }
    return cut(SoqlTokenKind::unknown, query_.size() - at_);
}

SoqlToken SoqlLexer::next() {
    while (at_ < query_.size() && blank(query_[at_])) ++at_;
    if (at_ == query_.size()) return cut(SoqlTokenKind::end, 0);

    const char c = query_[at_];
    const char after = at_ + 1 < query_.size() ? query_[at_ + 1] : '\0';
    if (c == '\'') return text_token();
    if (letter(c)) {
        std::size_t length = 1;
        while (at_ + length < query_.size() &&
               (letter(query_[at_ + length]) || digit(query_[at_ + length]))) {
            ++length;
        }
        return cut(SoqlTokenKind::word, length);
    }
    if (digit(c) || ((sign(c) || c == '.') && digit(after))) {
        std::size_t length = 1;
        while (at_ + length < query_.size()) {
            const char d = query_[at_ + length];
            if (!digit(d) && !letter(d) && !sign(d) && d != '.' && d != ':') break;
            ++length;
        }
        return cut(SoqlTokenKind::number, length);
    }
    if ((c == '<' && (after == '=' || after == '>')) || (c == '>' && after == '=') ||
        (c == '!' && after == '=')) {
        return cut(SoqlTokenKind::symbol, 2);
    }
    if (std::string_view("(),.:=<>").find(c) != std::string_view::npos) {
        return cut(SoqlTokenKind::symbol, 1);
    }
    return cut(SoqlTokenKind::unknown, 1);
}

}  // namespace latchkey::emulator::rest
