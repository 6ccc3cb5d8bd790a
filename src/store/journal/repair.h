#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <latchkey/error.h>

#include "store/journal/disk.h"
#include "store/journal/segment.h"

namespace latchkey::journal {

/// What was done to one segment.
struct Mended {
    std::string segment;
    std::size_t kept = 0;  ///< intact frames
    std::vector<Range>
        damage;             ///< what is none; its bytes lie in `set_aside`, one behind the other
    std::string set_aside;  ///< a file in the same directory
    bool header_rebuilt = false;
    bool whole_file = false;  ///< not one header in the journal tells whose it is: left out whole
};

/// Writes each damaged segment anew with every intact frame of it, and keeps the rest in a file
/// beside it ("0000000003.journal.damaged"). Touches nothing else, and nothing at all where nothing
/// is damaged. A crash in between leaves the segment as it was. The directory must be locked.
/// errors  misconfigured journal_read_only, journal_too_new · try_later journal_full,
///         storage_unavailable
Result<std::vector<Mended>> repair(Disk& disk);

}  // namespace latchkey::journal
