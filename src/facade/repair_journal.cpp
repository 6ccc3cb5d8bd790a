#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/stat.h>

#include <latchkey/journal.h>

#include "base/log.h"
#include "store/journal/disk.h"
#include "store/journal/errors.h"
#include "store/journal/place.h"
#include "store/journal/repair.h"

namespace latchkey {

namespace {

Error no_journal(const std::string& directory) {
    return {Fault::not_found, "journal_not_found",
            "There is no journal in " + directory + ". Name the directory that latchkey uses."};
}

bool is_there(const std::string& directory) {
    struct stat seen{};
    return ::lstat(directory.c_str(), &seen) == 0 || errno != ENOENT;
}

bool is_part_of_a_journal(const std::string& name) {
    return journal::segment_of(name).has_value() || name.find(".journal.") != std::string::npos;
}

MendedSegment told(const journal::Mended& mended) {
    MendedSegment one;
    one.segment = mended.segment;
    one.kept = mended.whole_file ? 0 : mended.kept;
    for (const auto& range : mended.damage) one.damaged_bytes += range.end - range.begin;
    one.set_aside = mended.set_aside;
    one.header_rebuilt = mended.header_rebuilt && !mended.whole_file;
    one.left_out_whole = mended.whole_file;
    return one;
}

}  // namespace

Result<std::vector<MendedSegment>> repair_journal(const std::string& directory) {
    // Looked at before it is taken: that would make what is missing, and a mistyped name is to leave
    // nothing behind.
    if (!is_there(directory)) return no_journal(directory);
    const auto disk = journal::RealDisk::open(directory);
    if (!disk) return disk.error();
    std::vector<std::string> names;
    if (const int code = (*disk)->list(names)) return journal::refused(code);
    if (std::none_of(names.begin(), names.end(), is_part_of_a_journal))
        return no_journal(directory);
    NoLog log;
    const auto place = journal::Place::take(directory, log);
    if (!place) return place.error();
    const auto done = journal::repair(**disk);
    if (!done) return done.error();
    std::vector<MendedSegment> mended;
    for (const auto& one : *done) mended.push_back(told(one));
    return mended;
}

}  // namespace latchkey
