#include "store/journal/book.h"

#include <algorithm>
#include <utility>

#include "store/journal/errors.h"

namespace latchkey::journal {
namespace {

bool is_refusal(int code) {
    return code == ENOSPC || code == EDQUOT || code == EFBIG || code == EROFS;
}

}  // namespace

Book::~Book() {
    if (!file_) return;
    file_->truncate(segments_[active_].end);
}

BookHealth Book::health() const {
    BookHealth health;
    health.disk_failed = disk_failed_;
    health.no_room = no_room_;
    health.read_only = read_only_;
    health.bytes = bytes_;
    health.records = entries_.size();
    health.open = open_;
    health.segments = segments_.size();
    health.unknown = unknown_;
    health.set_aside = set_aside_;
    return health;
}

/// Remembers for `health` how the disk has just answered.
Result<void> Book::noted(Result<void> outcome) {
    const auto is = [&](std::string_view code) {
        return outcome.has_error() && outcome.error().code == code;
    };
    no_room_ = is("journal_full");
    read_only_ = is("journal_read_only");
    return outcome;
}

/// A new file under another name first: under its own it is whole, and in the directory for good,
/// before anything is written to it.
Result<void> Book::begin_segment() {
    SegmentHeader header;
    header.number = active_ + 1;
    header.first_record = next_;
    header.previous = active_;
    header.previous_synced = synced_;
    header.installation = options_.installation;
    header.node = options_.node;
    const auto name = segment_name(header.number);
    const auto part = name + ".part";
    std::unique_ptr<DiskFile> file;
    int code = disk_.create(part, file);
    if (code == 0) code = write_all(*file, 0, print(header));
    if (code == 0) code = file->allocate(frames_begin, options_.piece_bytes);
    if (code == 0) code = file->sync();
    if (code == 0) code = disk_.rename(part, name);
    if (code == 0) code = disk_.sync();
    if (code != 0) {
        if (!is_refusal(code)) disk_failed_ = true;
        log_.write(Level::error, "journal_segment_not_made",
                   {{"segment", name}, {"what", std::generic_category().message(code)}});
        // Under its own name it may stay: it is empty, and the next start goes on with it or not.
        disk_.remove(part);
        return refused(code);
    }
    if (file_) file_->truncate(segments_[active_].end);
    Segment segment;
    segment.size = frames_begin + options_.piece_bytes;
    segments_[header.number] = segment;
    headers_[header.number] = header;
    active_ = header.number;
    synced_ = frames_begin;
    file_ = std::move(file);
    return {};
}

/// A segment that can be written to; a long one is ended if another can be made.
Result<void> Book::writable_segment() {
    if (file_ && segments_[active_].end < options_.segment_bytes) return {};
    const auto begun = begin_segment();
    if (!begun && !file_) return begun.error();
    return {};
}

Result<void> Book::make_room(std::uint64_t bytes, std::size_t answers) {
    return noted(take_room(bytes, answers));
}

Result<void> Book::take_room(std::uint64_t bytes, std::size_t answers) {
    if (bytes_ + bytes > options_.journal_bytes) return store_error::journal_full();
    const auto wanted = bytes + frame_room * answers;
    // Looked at first: a new segment must not take the last of a disk that others need as well.
    if (disk_.free_bytes() < options_.free_disk_bytes + wanted) return store_error::journal_full();
    const auto ready = writable_segment();
    if (!ready) return ready.error();
    auto& segment = segments_[active_];
    if (segment.end + wanted <= segment.size) return {};
    const auto piece = options_.piece_bytes;
    const auto more = (segment.end + wanted - segment.size + piece - 1) / piece * piece;
    if (const int code = file_->allocate(segment.size, more)) return refused(code);
    segment.size += more;
    return {};
}

Result<std::int64_t> Book::stage(JournalRecord record) {
    const auto size = record.answer.bytes.size();
    std::uint64_t waiting = 0;
    for (const auto& staged : staged_) waiting += staged.bytes;
    // The free disk was looked at by make_room; an answer in hand is worth the last byte.
    if (bytes_ + waiting + size > options_.journal_bytes || next_ > highest_record) {
        no_room_ = true;
        return store_error::journal_full();
    }
    Staged staged;
    staged.number = next_++;
    staged.payload = print_answer(record);
    staged.bytes = size;
    if (staged.payload.size() > longest_payload) return store_error::journal_full();
    staged_.push_back(std::move(staged));
    return staged_.back().number;
}

Result<void> Book::stage_again(JournalRecord record, std::optional<WallTime> closed_at) {
    const auto found = entries_.find(record.number);
    if (found != entries_.end()) {
        const auto kept = load_record(found->first, found->second);
        if (!kept) return kept.error();
        if (print_answer(*kept) == print_answer(record)) {
            if (closed_at) stage_done(record.number, *closed_at);
            return {};
        }
        record.number = 0;
    }
    for (const auto& staged : staged_)
        if (staged.kind == Kind::answer && staged.number == record.number) record.number = 0;
    if (record.number <= 0 || record.number > highest_record) record.number = next_;
    if (record.number > highest_record) return store_error::journal_full();
    stage_numbered(record, closed_at);
    return {};
}

void Book::stage_numbered(const JournalRecord& record, std::optional<WallTime> closed_at) {
    Staged staged;
    staged.number = record.number;
    staged.payload = print_answer(record);
    staged.bytes = record.answer.bytes.size();
    next_ = std::max(next_, record.number + 1);
    staged_.push_back(std::move(staged));
    if (!closed_at) return;
    Staged done;
    done.kind = Kind::done;
    done.number = record.number;
    done.payload = print_done(*closed_at);
    done.closed_at = *closed_at;
    staged_.push_back(std::move(done));
}

void Book::stage_done(std::int64_t number, WallTime at) {
    const auto found = entries_.find(number);
    if (found == entries_.end() || found->second.closed_at) return;
    Staged staged;
    staged.kind = Kind::done;
    staged.number = number;
    staged.payload = print_done(at);
    staged.closed_at = at;
    staged_.push_back(std::move(staged));
}

Result<void> Book::commit(bool durably) {
    if (staged_.empty()) return {};
    return noted(write_down(durably));
}

Result<void> Book::write_down(bool durably) {
    auto code = 0;
    // Once in the active segment and, if that fails, once in a fresh one.
    for (int turn = 0; turn < 2; ++turn) {
        const auto ready = writable_segment();
        if (!ready) {
            staged_.clear();
            return ready.error();
        }
        code = write_staged(durably);
        if (code == 0) return {};
        if (is_refusal(code)) break;
    }
    staged_.clear();
    return refused(code);
}

int Book::write_staged(bool durably) {
    auto& segment = segments_[active_];
    std::string bytes;
    std::vector<std::uint64_t> ends;
    for (const auto& staged : staged_) {
        bytes += print_frame(active_, static_cast<std::uint32_t>(staged.kind), staged.number,
                             synced_, staged.payload);
        ends.push_back(segment.end + bytes.size());
    }
    if (const int code = write_all(*file_, segment.end, bytes)) {
        if (!is_refusal(code)) give_up_segment("write", code);
        return code;
    }
    segment.size = std::max(segment.size, ends.back());
    if (durably) {
        if (const int code = file_->sync()) {
            give_up_segment("sync", code);
            return code;
        }
    }
    auto from = segment.end;
    for (std::size_t i = 0; i < staged_.size(); ++i) {
        note_written(staged_[i], from, ends[i] - from);
        from = ends[i];
    }
    segment.end = ends.back();
    if (durably) synced_ = segment.end;
    staged_.clear();
    return 0;
}

void Book::note_written(const Staged& staged, std::uint64_t offset, std::uint64_t length) {
    if (staged.kind == Kind::done) {
        const auto found = entries_.find(staged.number);
        if (found == entries_.end()) return;
        if (!found->second.closed_at) --open_;
        found->second.closed_at = staged.closed_at;
        found->second.done_segment = active_;
        return;
    }
    auto& entry = entries_[staged.number];
    if (entry.segment == 0) {
        bytes_ += staged.bytes;
        ++open_;
    }
    entry.segment = active_;
    entry.offset = offset;
    entry.length = length;
    entry.bytes = staged.bytes;
}

/// What was written since the last good sync may be gone although a later sync says otherwise: the
/// system may have dropped it. Nothing more is written there.
void Book::give_up_segment(const char* what, int code) {
    disk_failed_ = true;
    file_.reset();
    log_.write(Level::error, "journal_disk_failed",
               {{"segment", segment_name(active_)},
                {"call", what},
                {"what", std::generic_category().message(code)}});
}

Result<JournalRecord> Book::load_record(std::int64_t number, const Entry& entry) {
    std::unique_ptr<DiskFile> file;
    std::string bytes;
    int code = disk_.open(segment_name(entry.segment), file);
    if (code == 0) code = file->read(entry.offset, entry.length, bytes);
    if (code != 0) return refused(code);
    const auto frame = read_frame(bytes, entry.segment, 0);
    auto record = frame && frame->number == number ? read_answer(frame->payload) : std::nullopt;
    if (!record)
        return damaged(segment_name(entry.segment) + " at byte " + std::to_string(entry.offset));
    record->number = number;
    record->closed = entry.closed_at.has_value();
    return std::move(*record);
}

void Book::abandon(std::string_view what) noexcept {
    staged_.clear();
    file_.reset();
    log_.write(Level::error, "journal_failed", {{"what", what}});
}

Result<std::vector<JournalRecord>> Book::read(std::int64_t after, std::size_t limit) {
    std::vector<JournalRecord> records;
    for (auto at = entries_.upper_bound(after); at != entries_.end() && records.size() < limit;
         ++at) {
        auto record = load_record(at->first, at->second);
        if (!record) return record.error();
        records.push_back(std::move(*record));
    }
    return records;
}

}  // namespace latchkey::journal
