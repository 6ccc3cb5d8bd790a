#include <algorithm>

#include "store/journal/book.h"
#include "store/journal/errors.h"

// How old records leave, and how their disk comes free: a segment is removed as a whole, after what
// still counts in it was written again to the active one.
namespace latchkey::journal {
namespace {

/// What one pruning writes again at most, so that it never keeps an answer waiting for long.
constexpr std::uint64_t most_moved = 4ull << 20;

}  // namespace

Result<std::size_t> Book::prune(WallTime before) {
    const auto gone = std::erase_if(entries_, [&](const auto& known) {
        const auto& entry = known.second;
        if (!entry.closed_at || *entry.closed_at >= before) return false;
        bytes_ -= entry.bytes;
        return true;
    });
    std::map<std::uint64_t, std::uint64_t> live;
    for (const auto& [number, entry] : entries_) live[entry.segment] += entry.length;

    // The active one has a full one's worth of dead records: it becomes an old one.
    const auto& last = segments_[active_];
    const auto used = last.end - frames_begin;
    if (file_ && used > options_.segment_bytes / 8 && live[active_] == 0) {
        const auto begun = begin_segment();
        if (!begun) return begun.error();
    }
    std::uint64_t moved = 0;
    std::vector<std::uint64_t> old;
    for (const auto& [number, segment] : segments_)
        if (number != active_ && segment.unknown == 0) old.push_back(number);
    for (const auto number : old) {
        const auto alive = live[number];
        if (alive * 2 > segments_[number].end || moved + alive > most_moved) continue;
        moved += alive;
        const auto cleared = clear(number);
        if (!cleared) return cleared.error();
    }
    return gone;
}

Result<void> Book::clear(std::uint64_t number) {
    const auto moved = move_out(number);
    if (!moved) return moved.error();
    remove(number);
    return {};
}

/// Everything of this segment that counts is written again and is on the disk when this returns.
Result<void> Book::move_out(std::uint64_t number) {
    for (auto& [record_number, entry] : entries_) {
        if (entry.segment == number) {
            auto record = load_record(record_number, entry);
            if (!record) {
                staged_.clear();
                return record.error();
            }
            Staged again;
            again.number = record_number;
            again.payload = print_answer(*record);
            again.bytes = entry.bytes;
            staged_.push_back(std::move(again));
        }
        if (entry.closed_at && (entry.done_segment == number || entry.segment == number)) {
            Staged done;
            done.kind = Kind::done;
            done.number = record_number;
            done.payload = print_done(*entry.closed_at);
            done.closed_at = *entry.closed_at;
            staged_.push_back(std::move(done));
        }
    }
    return commit(true);
}

/// That the removal lasts is for the next sync of the directory: until then the segment's records
/// may come back, and each counts once.
void Book::remove(std::uint64_t number) {
    if (disk_.remove(segment_name(number)) != 0 || disk_.sync() != 0) {
        log_.write(Level::warning, "journal_segment_not_removed",
                   {{"segment", segment_name(number)}});
    }
    segments_.erase(number);
    headers_.erase(number);
}

}  // namespace latchkey::journal
