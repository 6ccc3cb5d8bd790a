#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace latchkey {

/// One header line of a head that lies somewhere else, as views into it.
struct HeadLine {
    std::string_view name;
    std::string_view value;  ///< without blanks at its ends
    std::string_view whole;  ///< from the name to the line's CR LF, both included
};

/// What came of reading header lines.
enum class LinesRead {
    all,       ///< up to the empty line, which is the last thing in the text
    bad_line,  ///< not NAME ":" VALUE CR LF: a fold, a bare CR or LF, a control byte, a blank before
               ///< the colon, an empty name, a byte outside ASCII in a name
    too_many,  ///< more lines than allowed
};

/// Reads the header lines of a request or an answer in one pass and without a copy. `text` begins
/// behind the first line and ends with the empty line. `lines` is emptied first, and is as long as
/// `most` at most. Values may hold bytes above 0x7f, names may not.
///
/// source  RFC 9112 section 5; RFC 9110 sections 5.1 and 5.5
LinesRead read_lines(std::string_view text, std::size_t most, std::vector<HeadLine>& lines);

/// Calls `with` for each element of a comma-separated value, without blanks; empty ones are left
/// out (RFC 9110 section 5.6.1).
template <class With>
void each_element(std::string_view value, With with) {
    while (!value.empty()) {
        const auto comma = value.find(',');
        auto element = value.substr(0, comma);
        while (!element.empty() && (element.front() == ' ' || element.front() == '\t'))
            element.remove_prefix(1);
        while (!element.empty() && (element.back() == ' ' || element.back() == '\t'))
            element.remove_suffix(1);
        if (!element.empty()) with(element);
        if (comma == std::string_view::npos) return;
        value.remove_prefix(comma + 1);
    }
}

}  // namespace latchkey
