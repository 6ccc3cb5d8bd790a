#pragma once

#include "facade/house.h"
#include "store/journal/file_journal.h"

namespace latchkey {

/// Where this node's journal lies, and whose it is. An empty node: whoever's the directory is.
FileJournalOptions journal_options(const Options& options, std::string installation, NodeId node);

/// Opens this node's journal for the opened store.
/// errors  those of FileJournal::open
Result<void> open_journal(Ground& ground, FileJournalOptions options);

}  // namespace latchkey
