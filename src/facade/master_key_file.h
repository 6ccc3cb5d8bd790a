#pragma once

#include <optional>
#include <string>

#include <latchkey/error.h>
#include <latchkey/options.h>
#include <latchkey/secret.h>

namespace latchkey {

/// Reads a master key from a file. The file may be reached through symbolic links, as secrets of
/// containers are, but the file itself must be a regular one that belongs to this user or to root,
/// that neither group nor others may touch, and that holds at most 4 KiB.
/// returns  the file's text, for MasterKey::parse; nullopt if there is no such file
/// errors   misconfigured  master_key_file
Result<std::optional<Secret>> read_master_key_file(const std::string& path);

/// What opening would refuse of a master key before it looks into the store; makes nothing.
/// errors  misconfigured  master_key_file, invalid_master_key
Result<void> check_master_key(const MasterKeySource& source);

/// Makes a new file of that text with mode 0600, synced together with its directory before this
/// returns: what is sealed under the key must not outlive it. Never touches a file that exists.
/// errors  misconfigured  master_key_file
Result<void> make_master_key_file(const std::string& path, const Secret& text);

}  // namespace latchkey
