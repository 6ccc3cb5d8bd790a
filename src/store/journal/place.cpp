#include "store/journal/place.h"

#include <utility>

namespace latchkey::journal {

Result<Place> Place::take(const std::string& directory, Log& log) {
    const PrivateThing journal{"journal", "The journal", "a directory"};
    const auto prepared = prepare_private_directory(directory, journal);
    if (!prepared) return prepared.error();
    auto lock = FileLock::take(directory + "/lock", journal);
    if (!lock) return lock.error();
    if (is_ephemeral_file_system(file_system_of(directory)))
        log.write(Level::warning, "journal_ephemeral", {{"directory", directory}});
    return Place{std::move(*lock)};
}

}  // namespace latchkey::journal
