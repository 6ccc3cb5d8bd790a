#include "store/journal/repair.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>

#include "store/journal/errors.h"

namespace latchkey::journal {
namespace {

struct Found {
    std::string bytes;
    HeaderFound header;
};

int keep_file(Disk& disk, const std::string& name, const std::string& bytes) {
    const auto part = name + ".part";
    std::unique_ptr<DiskFile> file;
    int code = disk.create(part, file);
    if (code == 0) code = write_all(*file, 0, bytes);
    if (code == 0) code = file->sync();
    if (code == 0) code = disk.rename(part, name);
    if (code == 0) code = disk.sync();
    return code;
}

/// The whole of what is not intact, and where it was.
std::string damaged_bytes(const Found& found, const Scan& scanned, Mended& mended) {
    if (!found.header.whole) mended.damage.push_back({0, frames_begin});
    for (const auto& range : scanned.rubbish) mended.damage.push_back(range);
    std::string bytes;
    for (const auto& range : mended.damage)
        bytes += found.bytes.substr(range.begin, range.end - range.begin);
    return bytes;
}

/// A header for a segment that has lost both of its own, from one of its neighbours'.
SegmentHeader rebuilt(const SegmentHeader& neighbour, std::uint64_t number, const Scan& scanned) {
    auto header = neighbour;
    header.number = number;
    header.previous = 0;
    header.previous_synced = 0;
    // Numbers must not be given twice; a frame's own is the best that is known.
    for (const auto& frame : scanned.frames)
        if (frame.number <= highest_record)
            header.first_record = std::max(header.first_record, frame.number);
    return header;
}

std::string printed(const SegmentHeader& header, const Scan& scanned) {
    auto bytes = print(header);
    for (const auto& frame : scanned.frames)
        bytes += print_frame(header.number, frame.kind, frame.number, bytes.size(), frame.payload);
    return bytes;
}

std::string free_name(const std::vector<std::string>& names, const std::string& wanted) {
    auto name = wanted;
    for (int i = 2; std::find(names.begin(), names.end(), name) != names.end(); ++i)
        name = wanted + "." + std::to_string(i);
    return name;
}

}  // namespace

Result<std::vector<Mended>> repair(Disk& disk) {
    std::vector<std::string> names;
    if (const int code = disk.list(names)) return refused(code);
    std::map<std::uint64_t, Found> all;
    std::optional<SegmentHeader> known;
    for (const auto& name : names) {
        const auto number = segment_of(name);
        if (!number) continue;
        std::unique_ptr<DiskFile> file;
        Found found;
        int code = disk.open(name, file);
        if (code == 0) code = read_all(*file, found.bytes);
        if (code != 0) return refused(code);
        found.header = read_header(found.bytes);
        if (found.header.header && found.header.header->version > layout_version)
            return too_new(name);
        // A header that names another place than its file's is no better than none.
        const auto& header = found.header.header;
        if (header && (header->number != *number || header->first_record > highest_record + 1))
            found.header = {};
        if (found.header.header) known = found.header.header;
        all.emplace(*number, std::move(found));
    }
    std::vector<Mended> done;
    for (auto at = all.begin(); at != all.end(); ++at) {
        const auto& [number, found] = *at;
        const auto next = std::next(at);
        const bool told = next != all.end() && next->second.header.header &&
                          next->second.header.header->previous == number;
        const auto scanned = scan(found.bytes, number);
        const bool mended_before = found.header.header && found.header.header->mended;
        const auto known_synced =
            told && !mended_before ? next->second.header.header->previous_synced : 0;
        if (found.header.whole && !scanned.damaged(known_synced)) continue;

        Mended mended;
        mended.segment = segment_name(number);
        mended.set_aside = free_name(names, mended.segment + ".damaged");
        mended.kept = scanned.frames.size();
        auto aside = damaged_bytes(found, scanned, mended);
        mended.whole_file = !found.header.header && !known;
        mended.header_rebuilt = !found.header.whole;
        if (mended.whole_file) aside = found.bytes;
        if (const int code = keep_file(disk, mended.set_aside, aside)) return refused(code);
        int code = 0;
        if (mended.whole_file) {
            code = disk.remove(mended.segment);
            if (code == 0) code = disk.sync();
        } else {
            auto header =
                found.header.header ? *found.header.header : rebuilt(*known, number, scanned);
            header.mended = true;
            code = keep_file(disk, mended.segment, printed(header, scanned));
        }
        if (code != 0) return refused(code);
        done.push_back(std::move(mended));
    }
    return done;
}

}  // namespace latchkey::journal
