#pragma once

#include <string>
#include <string_view>

#include <latchkey/key_rules.h>

namespace latchkey {

/// A key's rules as the store keeps them: empty for none, else one JSON object whose "v" is the number
/// of this form. At most 32 KiB of printable ASCII.
std::string print_rules(const KeyRules& rules);

/// The same back. Strict: an unknown member, another version, or a rule that could not be made is
/// none of ours, and a key whose rules are not known must not be used.
/// errors  denied key_rules_unreadable
Result<KeyRules> parse_rules(std::string_view text);

}  // namespace latchkey
