#include "oauth/json_members.h"

#include <array>
#include <cstdint>
#include <map>

#include <boost/json/basic_parser_impl.hpp>

#include <latchkey/secret.h>

namespace latchkey::oauth {
namespace {

constexpr std::size_t most_members = 1000;
constexpr std::size_t deepest = 32;

/// Receives what Boost.JSON finds in one value and keeps at most its text. No copy of a token stays
/// behind in a parser's tree.
struct Listener {
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
    using Failure = boost::json::error_code;
    using Piece = boost::json::string_view;

    std::string* text = nullptr;

    bool keep(Piece piece) {
        if (text != nullptr) text->append(piece.data(), piece.size());
        return true;
    }
    bool on_document_begin(Failure&) { return true; }
    bool on_document_end(Failure&) { return true; }
    bool on_object_begin(Failure&) { return true; }
    bool on_object_end(std::size_t, Failure&) { return true; }
    bool on_array_begin(Failure&) { return true; }
    bool on_array_end(std::size_t, Failure&) { return true; }
    bool on_key_part(Piece, std::size_t, Failure&) { return true; }
    bool on_key(Piece, std::size_t, Failure&) { return true; }
    bool on_string_part(Piece piece, std::size_t, Failure&) { return keep(piece); }
    bool on_string(Piece piece, std::size_t, Failure&) { return keep(piece); }
    bool on_number_part(Piece, Failure&) { return true; }
    bool on_int64(std::int64_t, Piece, Failure&) { return true; }
    bool on_uint64(std::uint64_t, Piece, Failure&) { return true; }
    bool on_double(double, Piece, Failure&) { return true; }
    bool on_bool(bool, Failure&) { return true; }
    bool on_null(Failure&) { return true; }
    bool on_comment_part(Piece, Failure&) { return true; }
    bool on_comment(Piece, Failure&) { return true; }
};

/// True if `value` is exactly one JSON value; for a string, its characters go to `text`.
bool is_json(std::string_view value, std::string* text = nullptr) {
    boost::json::parse_options options;
    options.max_depth = deepest - 1;  // the object around it is the first level
    boost::json::basic_parser<Listener> parser{options};
    parser.handler().text = text;
    boost::json::error_code failed;
    const std::size_t used = parser.write_some(false, value.data(), value.size(), failed);
    return !failed && used == value.size() && parser.done();
}

std::optional<std::string> decoded(std::string_view quoted) {
    std::string text;
    text.reserve(quoted.size());  // one allocation, so that no half-copied secret is left behind
    if (is_json(quoted, &text)) return text;
    wipe(text);
    return std::nullopt;
}

bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// A place in the text. Its steps return false where the text ends or leaves the grammar.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_(text) {}

    std::size_t at() const { return at_; }
    bool ended() const { return at_ == text_.size(); }
    bool sees(char c) const { return !ended() && text_[at_] == c; }
    std::string_view since(std::size_t start) const { return text_.substr(start, at_ - start); }
    std::string_view rest(std::size_t start) const { return text_.substr(start); }

    void skip_blanks() {
        while (!ended() && blank(text_[at_])) ++at_;
    }
    bool take(char c) {
        if (!sees(c)) return false;
        ++at_;
        return true;
    }
    /// Over a string, whatever bytes it holds: its end is the next quote without a back-slash.
    bool skip_string() {
        if (!take('"')) return false;
        while (!ended()) {
            const char c = text_[at_++];
            if (c == '"') return true;
            if (c == '\\') {
                if (ended()) return false;
                ++at_;
            }
        }
        return false;
    }
    /// Over an object or array, by its brackets alone.
    bool skip_nested() {
        std::array<char, deepest - 1> open;
        std::size_t depth = 0;
        while (!ended()) {
            const char c = text_[at_];
            if (c == '"') {
                if (!skip_string()) return false;
                continue;
            }
            ++at_;
            if (c == '{' || c == '[') {
                if (depth == open.size()) return false;
                open[depth++] = c == '{' ? '}' : ']';
            } else if (c == '}' || c == ']') {
                if (open[--depth] != c) return false;
                if (depth == 0) return true;
            }
        }
        return false;
    }
    /// Over a number or a bare word. At the end of the text nobody knows whether it went on.
    bool skip_bare() {
        const auto start = at_;
        while (!ended() && !blank(text_[at_]) &&
               std::string_view{",:{}[]\""}.find(text_[at_]) == std::string_view::npos) {
            ++at_;
        }
        return at_ != start && !ended();
    }
    bool skip_value() {
        if (sees('"')) return skip_string();
        if (sees('{') || sees('[')) return skip_nested();
        return skip_bare();
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

Member::Kind kind_of(std::string_view value) {
    using Kind = Member::Kind;
    if (value == "NaN" || value == "Infinity" || value == "-Infinity") return Kind::literal;
    if (!is_json(value)) return Kind::broken;
    switch (value.front()) {
        case '"':
            return Kind::string;
        case '{':
        case '[':
            return Kind::nested;
        case 't':
        case 'f':
        case 'n':
            return Kind::literal;
        default:
            return Kind::number;
    }
}

bool same_value(const Member& a, const Member& b) {
    if (a.text == b.text) return true;
    auto one = string_of(a);
    auto other = string_of(b);
    const bool same = one && other && *one == *other;
    if (one) wipe(*one);
    if (other) wipe(*other);
    return same;
}

bool conflicting(const std::vector<Member>& list) {
    std::map<std::string_view, const Member*> seen;
    for (const auto& member : list) {
        const auto [place, fresh] = seen.emplace(member.name, &member);
        if (!fresh && !same_value(*place->second, member)) return true;
    }
    return false;
}

}  // namespace

const Member* Members::find(std::string_view name) const {
    for (const auto& member : list) {
        if (member.name == name) return &member;
    }
    return nullptr;
}

Members scan_members(std::string_view text) {
    // RFC 8259 section 8.1 lets a reader skip the mark that no writer should have put there.
    if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);

    Members members;
    members.rest = text;
    Cursor cursor{text};
    cursor.skip_blanks();
    if (!cursor.take('{')) return members;

    bool sound = true;
    std::size_t understood = cursor.at();
    cursor.skip_blanks();
    if (cursor.take('}')) {
        members.closed = true;
        understood = cursor.at();
    }
    while (!members.closed && members.list.size() < most_members) {
        cursor.skip_blanks();
        const auto name_start = cursor.at();
        if (!cursor.skip_string()) break;
        const auto name = cursor.since(name_start);
        cursor.skip_blanks();
        if (!cursor.take(':')) break;
        cursor.skip_blanks();
        const auto value_start = cursor.at();
        if (!cursor.skip_value()) break;
        const auto value = cursor.since(value_start);
        cursor.skip_blanks();
        // A value followed by anything else may not have ended where it seems to. The end of the
        // text is different: a closed string or bracket cannot become longer.
        if (!cursor.ended() && !cursor.sees(',') && !cursor.sees('}')) break;

        Member member;
        member.text = value;
        member.kind = kind_of(value);
        auto known_name = decoded(name);
        sound = sound && known_name && member.kind != Member::Kind::broken;
        if (known_name) {
            member.name = std::move(*known_name);
            members.list.push_back(std::move(member));
        }
        understood = cursor.at();
        if (cursor.take('}')) {
            members.closed = true;
            understood = cursor.at();
        } else if (!cursor.take(',')) {
            break;
        }
    }
    members.rest = cursor.rest(understood);
    members.sound = members.closed && sound;
    members.conflict = conflicting(members.list);
    return members;
}

std::optional<std::string> string_of(const Member& member) {
    if (member.kind != Member::Kind::string) return std::nullopt;
    return decoded(member.text);
}

}  // namespace latchkey::oauth
