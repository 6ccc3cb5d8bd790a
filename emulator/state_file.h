#pragma once

#include <string>

#include <latchkey/error.h>

#include "emulator/world.h"

namespace latchkey::emulator {

/// Keeps clients, grants, sessions, spent tokens and the clock's offset in one JSON file, so that a
/// restarted emulator knows the tokens it gave out. Codes and logins under way are not kept.

/// Writes a new file beside the old one and moves it there; mode 0600.
/// errors  misconfigured  state_file
Result<void> save_state(const World& world, const std::string& path);

/// A file that is not there yet changes nothing.
/// errors  misconfigured  state_file: unreadable, or not one of ours
Result<void> load_state(World& world, const std::string& path);

}  // namespace latchkey::emulator
