#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/meter.h"
#include "base/random.h"
#include "store/journal.h"
#include "store/journal/book.h"
#include "store/limits.h"

namespace latchkey {

struct FileJournalOptions {
    std::string directory;     ///< made with mode 0700 if only the last part of it is missing
    std::string installation;  ///< whose store this journal goes with
    NodeId node;  ///< whose it is; empty: whoever's it is, and of a new one a random one's
    StoreLimits limits;
    std::uint64_t segment_bytes = 8ull << 20;
    FileJournalOptions() = default;
    FileJournalOptions(std::string where, std::string whose)
        : directory(std::move(where)), installation(std::move(whose)) {}
};

/// What a store that kept its journal in itself gives away.
struct FormerJournal {
    struct Record {
        JournalRecord record;  ///< with its number
        std::optional<WallTime> closed_at;
    };
    std::string installation;
    NodeId node;
    /// The records after this number, in order, some at a time; none: that was all.
    std::function<Result<std::vector<Record>>(std::int64_t after)> read;
};

/// A directory of append-only files (segment.h says how they look), used by one process at a time. A
/// thread of its own writes; answers that arrive while the disk is busy are synced together. Calls
/// may come from several loops, none of which may end before its calls have come back.
///
/// Errors besides those of the port: internal journal_failed, for an exception where none is expected.
class FileJournal final : public Journal {
public:
    /// A write that took longer is a warning in the log (`journal_write_slow`), one a minute at most.
    static constexpr std::chrono::seconds slow_write{1};

    /// Takes the directory's lock, checks that nobody else can reach what is in it, and recovers what
    /// an earlier process left. Warns (`journal_ephemeral`) where the directory goes with the
    /// machine. Blocks; for the start of a process. Clock, log and meter must outlive this object.
    ///
    /// errors  misconfigured  journal_locked, journal_not_private, journal_on_network,
    ///                        journal_unreachable, journal_read_only, journal_damaged,
    ///                        journal_foreign, journal_too_new
    ///         try_later      journal_full, storage_unavailable
    static Result<std::unique_ptr<FileJournal>> open(FileJournalOptions options, Clock& clock,
                                                     Random& random, Log& log,
                                                     Meter& meter = no_meter());
    /// The same on any disk, which has been checked and locked by whoever hands it in.
    static Result<std::unique_ptr<FileJournal>> open_on(std::unique_ptr<journal::Disk> disk,
                                                        const FileJournalOptions& options,
                                                        Clock& clock, Random& random, Log& log,
                                                        Meter& meter = no_meter());
    /// Writes a former journal's records into the directory, with their numbers. Those that are there
    /// already are left alone, so this may be repeated; one whose number another record has is given a
    /// new one. On the disk when it returns. errors  those of open, and of `former.read`
    static Result<void> take_over(FileJournalOptions options, const FormerJournal& former,
                                  Random& random, Log& log);
    ~FileJournal() override;

    const NodeId& node() const override;
    Task<JournalRoom> reserve(std::size_t bytes, Deadline by) override;
    Task<std::int64_t> append(JournalRecord record, Deadline by) override;
    Task<void> close(std::int64_t number, Deadline by) override;
    Task<std::vector<JournalRecord>> read(std::int64_t after, std::size_t limit,
                                          Deadline by) override;
    Task<std::size_t> prune(WallTime before, Deadline by) override;

    /// How the journal is. From any thread, at any time.
    journal::BookHealth health() const;

private:
    struct Impl;
    explicit FileJournal(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey
