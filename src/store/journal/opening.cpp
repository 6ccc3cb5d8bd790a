#include <algorithm>
#include <utility>

#include "store/journal/book.h"
#include "store/journal/errors.h"

// What a start makes of the files that are there.
namespace latchkey::journal {

Result<std::unique_ptr<Book>> Book::open(Disk& disk, BookOptions options, Random& random,
                                         Log& log) {
    std::unique_ptr<Book> book{new Book{disk, std::move(options), log}};
    const auto recovered = book->recover(random);
    if (!recovered) return recovered.error();
    return book;
}

Result<void> Book::recover(Random& random) {
    std::vector<std::string> names;
    if (const int code = disk_.list(names)) return refused(code);
    std::vector<std::uint64_t> numbers;
    for (const auto& name : names) {
        // A segment whose making was interrupted holds nothing.
        if (name.ends_with(".journal.part")) disk_.remove(name);
        const bool set_aside = name.find(".journal.damaged") != std::string::npos;
        if (set_aside && !name.ends_with(".part")) ++set_aside_;
        if (const auto number = segment_of(name)) numbers.push_back(*number);
    }
    std::sort(numbers.begin(), numbers.end());
    const auto checked = check_headers(numbers);
    if (!checked) return checked.error();
    for (const auto number : numbers) {
        const auto after = headers_.upper_bound(number);
        // What is told of a segment that a repair wrote anew is told of the former one.
        const bool told =
            after != headers_.end() && after->second.previous == number && !headers_[number].mended;
        const auto loaded = load(number, told ? after->second.previous_synced : 0);
        if (!loaded) return loaded.error();
    }
    // Renames and removals of the process before are to last before anything is built on them.
    if (const int code = disk_.sync()) return refused(code);
    for (const auto& [number, done] : loose_done_) {
        const auto entry = entries_.find(number);
        if (entry == entries_.end()) continue;
        entry->second.closed_at = done.first;
        entry->second.done_segment = done.second;
    }
    loose_done_.clear();
    for (const auto& [number, entry] : entries_) open_ += entry.closed_at ? 0 : 1;
    for (const auto& [number, segment] : segments_) unknown_ += segment.unknown;
    if (set_aside_ > 0)
        log_.write(Level::warning, "journal_damage_set_aside",
                   {{"files", static_cast<std::int64_t>(set_aside_)}});
    if (!numbers.empty()) return {};
    if (options_.node.empty()) options_.node = NodeId{random_text(random, 16)};
    return begin_segment();
}

Result<void> Book::check_headers(const std::vector<std::uint64_t>& numbers) {
    for (const auto number : numbers) {
        const auto name = segment_name(number);
        std::unique_ptr<DiskFile> file;
        std::string bytes;
        int code = disk_.open(name, file);
        if (code == 0) code = file->read(0, frames_begin, bytes);
        if (code != 0) return refused(code);
        const auto found = read_header(bytes);
        if (!found.header) return damaged(name + ", its header");
        const auto& header = *found.header;
        if (header.version > layout_version) return too_new(name);
        if (header.installation != options_.installation) return foreign(name);
        if (options_.node.empty()) options_.node = header.node;
        if (header.node != options_.node) return foreign(name);
        const bool sound = header.number == number && header.first_record <= highest_record + 1;
        if (!found.whole || !sound) return damaged(name + ", its header");
        headers_[number] = header;
        next_ = std::max(next_, header.first_record);
    }
    return {};
}

Result<void> Book::load(std::uint64_t number, std::uint64_t known) {
    const auto name = segment_name(number);
    std::unique_ptr<DiskFile> file;
    std::string bytes;
    int code = disk_.open(name, file);
    if (code == 0) code = read_all(*file, bytes);
    if (code != 0) return refused(code);
    const auto scanned = scan(bytes, number);
    if (scanned.damaged(known)) {
        const auto at = scanned.rubbish.empty() ? scanned.end : scanned.rubbish.front().begin;
        return damaged(name + " at byte " + std::to_string(at));
    }
    if (!scanned.rubbish.empty()) {
        std::uint64_t cut = 0;
        for (const auto& range : scanned.rubbish) cut += range.end - range.begin;
        log_.write(Level::warning, "journal_tail_cut",
                   {{"segment", name}, {"bytes", static_cast<std::int64_t>(cut)}});
        if (scanned.rubbish.back().end > scanned.end) code = file->truncate(scanned.end);
        if (code != 0) return refused(code);
    }
    // A process that died without its machine left writes in the system's memory: they count only
    // once they are on the disk.
    if ((code = file->sync()) != 0) return refused(code);

    Segment segment;
    segment.end = scanned.end;
    std::uint64_t size = 0;
    if ((code = file->size(size)) != 0) return refused(code);
    segment.size = std::max(size, scanned.end);
    segments_[number] = segment;
    take_in(scanned, number);
    active_ = number;
    synced_ = scanned.rubbish.empty() ? scanned.end : scanned.rubbish.front().begin;
    // Only a segment without a frame is gone on with: what follows a cut begins a new one.
    file_.reset();
    if (scanned.frames.empty() && scanned.rubbish.empty()) file_ = std::move(file);
    return {};
}

void Book::take_in(const Scan& scanned, std::uint64_t number) {
    auto& segment = segments_[number];
    for (const auto& frame : scanned.frames) {
        if (frame.number > highest_record) {
            ++segment.unknown;
            continue;
        }
        next_ = std::max(next_, frame.number + 1);
        const auto record = frame.kind == static_cast<std::uint32_t>(Kind::answer)
                                ? read_answer(frame.payload)
                                : std::nullopt;
        const auto done = frame.kind == static_cast<std::uint32_t>(Kind::done)
                              ? read_done(frame.payload)
                              : std::nullopt;
        if (done) {
            loose_done_[frame.number] = {*done, number};
        } else if (record && frame.number > 0) {
            // A record that was moved and whose old segment is still there counts once.
            auto& entry = entries_[frame.number];
            bytes_ += record->answer.bytes.size() - entry.bytes;
            entry.segment = number;
            entry.offset = frame.offset;
            entry.length = frame.end - frame.offset;
            entry.bytes = record->answer.bytes.size();
        } else {
            ++segment.unknown;
        }
    }
    if (segment.unknown > 0)
        log_.write(Level::error, "journal_record_unknown",
                   {{"segment", segment_name(number)},
                    {"records", static_cast<std::int64_t>(segment.unknown)}});
}

}  // namespace latchkey::journal
