#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "store/journal.h"
#include "store/journal/disk.h"
#include "store/journal/segment.h"

namespace latchkey::journal {

struct BookOptions {
    std::string installation;
    NodeId node;  ///< of a journal that is yet to be made; empty: a random one
    std::uint64_t journal_bytes = 1ull << 30;     ///< of sealed answers, closed ones included
    std::uint64_t free_disk_bytes = 64ull << 20;  ///< left free for everything else
    std::uint64_t segment_bytes = 8ull << 20;     ///< a longer segment is ended
    std::uint64_t piece_bytes = 1ull << 20;       ///< what is taken from the disk at a time
    BookOptions() = default;
};

struct BookHealth {
    bool disk_failed = false;  ///< a sync or write failed since the start; never taken back
    bool no_room = false;      ///< the last answer or reservation found none
    bool read_only = false;    ///< the last one found that the disk takes no writes
    std::uint64_t bytes = 0;   ///< of sealed answers
    std::size_t records = 0;
    std::size_t open = 0;  ///< not closed yet
    std::size_t segments = 0;
    std::size_t unknown = 0;    ///< frames of a kind that this version does not know
    std::size_t set_aside = 0;  ///< files of damage that a repair has left, at the start
    bool operator==(const BookHealth&) const = default;
};

/// The journal's segments as one book: what is in them, and the page that is written to. One thread.
///
/// Written to is one segment, the active one. It is ended and a new one begun when it is long enough,
/// when its disk failed, and by every start that finds frames in it. What was written and not synced
/// is never relied on: each frame says how far its segment was on the disk when it was written, and
/// each header how far the segment before it was.
class Book {
public:
    /// Reads every segment, cuts torn tails, syncs what is there. Disk and log must outlive this.
    /// errors  misconfigured  journal_damaged, journal_foreign, journal_too_new, journal_read_only
    ///         try_later      journal_full, storage_unavailable
    static Result<std::unique_ptr<Book>> open(Disk& disk, BookOptions options, Random& random,
                                              Log& log);
    /// Gives back the room that was taken from the disk and not used.
    ~Book();
    Book(const Book&) = delete;
    Book& operator=(const Book&) = delete;

    const NodeId& node() const { return options_.node; }
    BookHealth health() const;

    /// Takes so much from the disk that `bytes` of answers can be noted in `answers` records.
    Result<void> make_room(std::uint64_t bytes, std::size_t answers);

    /// Readies a record for the next commit. returns its number
    Result<std::int64_t> stage(JournalRecord record);
    /// The same for a record that has a number already. If it is there, nothing is done but to close
    /// it; if another has its number, it gets a new one.
    Result<void> stage_again(JournalRecord record, std::optional<WallTime> closed_at);
    /// Nothing is done if there is no such record, or it is closed.
    void stage_done(std::int64_t number, WallTime at);
    /// Writes what was staged, all or nothing. With `durably` it is on the disk when this returns.
    /// Where the disk fails, all is written again to a fresh segment.
    Result<void> commit(bool durably);
    /// After an exception: drops what was staged, and writes no more to a segment of which it is not
    /// known how it was left.
    void abandon(std::string_view what) noexcept;

    Result<std::vector<JournalRecord>> read(std::int64_t after, std::size_t limit);
    /// Forgets records closed before `before`, and frees what disk it can without moving much.
    Result<std::size_t> prune(WallTime before);

private:
    struct Segment {
        std::uint64_t end = frames_begin;   ///< of what was written
        std::uint64_t size = frames_begin;  ///< of the file
        std::size_t unknown = 0;
    };
    struct Entry {
        std::uint64_t segment = 0;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;  ///< of the frame
        std::uint64_t bytes = 0;   ///< of the sealed answer
        std::optional<WallTime> closed_at;
        std::uint64_t done_segment = 0;
    };
    struct Staged {
        Kind kind = Kind::answer;
        std::int64_t number = 0;
        std::string payload;
        std::uint64_t bytes = 0;
        WallTime closed_at{};
    };

    Book(Disk& disk, BookOptions options, Log& log)
        : disk_(disk), options_(std::move(options)), log_(log) {}

    // opening.cpp
    Result<void> recover(Random& random);
    Result<void> check_headers(const std::vector<std::uint64_t>& numbers);
    Result<void> load(std::uint64_t number, std::uint64_t known);
    void take_in(const Scan& scanned, std::uint64_t number);

    // book.cpp
    Result<void> begin_segment();
    Result<void> writable_segment();
    void stage_numbered(const JournalRecord& record, std::optional<WallTime> closed_at);
    int write_staged(bool durably);
    void note_written(const Staged& staged, std::uint64_t offset, std::uint64_t length);
    void give_up_segment(const char* what, int code);
    Result<void> noted(Result<void> outcome);
    Result<void> take_room(std::uint64_t bytes, std::size_t answers);
    Result<void> write_down(bool durably);
    Result<JournalRecord> load_record(std::int64_t number, const Entry& entry);

    // pruning.cpp
    Result<void> clear(std::uint64_t number);
    Result<void> move_out(std::uint64_t number);
    void remove(std::uint64_t number);

    Disk& disk_;
    BookOptions options_;
    Log& log_;
    std::map<std::uint64_t, Segment> segments_;
    std::map<std::uint64_t, SegmentHeader> headers_;
    std::map<std::int64_t, Entry> entries_;
    std::map<std::int64_t, std::pair<WallTime, std::uint64_t>> loose_done_;  ///< while recovering
    std::vector<Staged> staged_;
    std::int64_t next_ = 1;
    std::uint64_t bytes_ = 0;
    std::size_t open_ = 0;
    std::size_t unknown_ = 0;
    std::size_t set_aside_ = 0;

    std::uint64_t active_ = 0;             ///< the last segment; written to if `file_` is there
    std::unique_ptr<DiskFile> file_;       ///< of the active segment, while it can be relied on
    std::uint64_t synced_ = frames_begin;  ///< of the active segment: on the disk for certain
    bool disk_failed_ = false;
    bool no_room_ = false;
    bool read_only_ = false;
};

/// What a frame needs beside the sealed answer, at most.
inline constexpr std::uint64_t frame_room = 8 * 1024;

}  // namespace latchkey::journal
