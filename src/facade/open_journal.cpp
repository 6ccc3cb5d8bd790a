#include "facade/open_journal.h"

#include <utility>

#include <latchkey/journal.h>

namespace latchkey {

std::string journal_directory(const Options& options) {
    // Not "-journal": that name is SQLite's own.
    return options.journal_directory.empty() ? options.database + ".journal"
                                             : options.journal_directory;
}

FileJournalOptions journal_options(const Options& options, std::string installation, NodeId node) {
    FileJournalOptions wanted{journal_directory(options), std::move(installation)};
    wanted.node = std::move(node);
    return wanted;
}

Result<void> open_journal(Ground& ground, FileJournalOptions options) {
    const auto directory = options.directory;
    auto journal = FileJournal::open(std::move(options), ground.clock, ground.random, ground.log,
                                     ground.meter);
    if (!journal) return journal.error();
    ground.journal_files = journal->get();
    ground.journal = std::move(*journal);
    auto kept = KeptKeys::open(directory);
    if (!kept) return kept.error();
    ground.kept_keys = std::move(*kept);
    return {};
}

}  // namespace latchkey
