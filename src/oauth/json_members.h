#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace latchkey::oauth {

/// One member at the top level of a JSON object. `text` is borrowed from what was scanned.
struct Member {
    enum class Kind {
        string,
        number,
        literal,  ///< true, false, null; also NaN and Infinity, which some servers print
        nested,   ///< an object or array, checked but not taken apart
        broken,   ///< its end is certain, its content is no JSON
    };
    std::string name;       ///< decoded
    std::string_view text;  ///< of the value; for a string with its quotes
    Kind kind = Kind::broken;
};

/// The top level of a JSON object, as far as it could be read.
///
/// A DOM will not do here: it keeps one of two members with the same name without saying so, and
/// gives nothing at all of a body that was cut behind the one value that matters.
struct Members {
    std::vector<Member> list;  ///< only members whose value certainly ended
    bool closed = false;       ///< the object's closing brace was read
    bool sound = false;        ///< closed, and everything in it is JSON of at most 32 levels
    bool conflict = false;     ///< one name stands twice with different values
    std::string_view rest;     ///< what was not understood, or stands behind the closing brace

    /// The first member of that name; nullptr if there is none.
    const Member* find(std::string_view name) const;
};

/// Reads at most 1000 members; further ones count as not understood. A byte order mark is skipped.
/// Takes time and memory in proportion to the text.
Members scan_members(std::string_view text);

/// The value of a string member, decoded; nullopt for every other kind. Wipe it if it is a secret.
std::optional<std::string> string_of(const Member& member);

}  // namespace latchkey::oauth
