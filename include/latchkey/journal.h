#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/options.h>

namespace latchkey {

/// Where a Latchkey that is opened with these options has its journal.
std::string journal_directory(const Options& options);

/// What the repair of a journal did to one of its files.
struct MendedSegment {
    std::string segment;              ///< name of the file
    std::size_t kept = 0;             ///< intact entries, which the file has still
    std::uint64_t damaged_bytes = 0;  ///< that are no entry
    std::string set_aside;            ///< file in the same directory that has those bytes now
    bool header_rebuilt = false;      ///< from its other copy, or from another file's
    bool left_out_whole = false;      ///< nothing tells whose it is: all of it was set aside
};

/// For an operator whose latchkey does not start because of `journal_damaged`, on the directory of a
/// journal that no process has open: keeps every intact entry and sets the rest aside in files whose
/// names end in ".damaged", which nobody reads again. Changes nothing where nothing is damaged. A
/// crash in between leaves a journal that can be repaired. Blocks.
///
/// returns  what was done to which file; empty: nothing was damaged
/// errors   not_found      journal_not_found: no such directory, or no journal in it
///          misconfigured  journal_locked, journal_not_private, journal_on_network,
///                         journal_unreachable, journal_read_only, journal_too_new
///          try_later      journal_full, storage_unavailable
Result<std::vector<MendedSegment>> repair_journal(const std::string& directory);

}  // namespace latchkey
