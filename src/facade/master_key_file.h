#pragma once

#include <optional>
#include <string>

#include <latchkey/error.h>
#include <latchkey/secret.h>

#include "base/random.h"

namespace latchkey {

/// The 32 bytes behind their text: 44 characters of base64 (RFC 4648 section 4) or 64 hexadecimal
/// digits, with white space around them ignored.
/// errors  misconfigured  master_key_file (message says what the text has to be; never shows it)
Result<Secret> parse_master_key(const Secret& text);

/// Reads a master key from a file. The file may be reached through symbolic links, as secrets of
/// containers are, but the file itself must be a regular one that belongs to this user or to root,
/// that neither group nor others may touch, and that holds at most 4 KiB.
/// returns  nullopt if there is no such file
/// errors   misconfigured  master_key_file
Result<std::optional<Secret>> read_master_key(const std::string& path);

/// Makes a new key file with mode 0600, synced together with its directory before this returns: what
/// is sealed under the key must not outlive it. Never touches a file that exists.
/// errors  misconfigured  master_key_file
Result<Secret> make_master_key(const std::string& path, Random& random);

}  // namespace latchkey
