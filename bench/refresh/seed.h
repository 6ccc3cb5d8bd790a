#pragma once

#include <iosfwd>
#include <string>

#include <latchkey/error.h>

namespace latchkey::bench {

/// Fills the store that a server's configuration names with connections, through the vault and the
/// store's ports as a login does. `answers` has one answer of the token endpoint a line, as the
/// emulator's control `grants` gives them. Their access tokens are stored as expired a second ago,
/// so that every one is due, or, with Due::no, as good. Writes the connections' ids to `ids`, one a line, in no order.
///
/// The server must not run on SQLite, which belongs to one process at a time.
enum class Due { yes, no };
Result<std::size_t> seed(const std::string& config_file, std::istream& answers, std::ostream& ids,
                         Due due = Due::yes);

}  // namespace latchkey::bench
