#pragma once

#include <string>

#include "base/log.h"
#include "store/private_file.h"

namespace latchkey::journal {

/// A directory that belongs to this process's journal and that nobody else can reach, for as long as
/// this lives.
class Place {
public:
    /// Warns (`journal_ephemeral`) where the directory lies in memory or in a container's own layer:
    /// it would be lost together with the node.
    /// errors  misconfigured  journal_locked, journal_not_private, journal_on_network,
    ///                        journal_unreachable
    static Result<Place> take(const std::string& directory, Log& log);

private:
    explicit Place(FileLock lock) : lock_(std::move(lock)) {}
    FileLock lock_;
};

}  // namespace latchkey::journal
