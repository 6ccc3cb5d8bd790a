#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "store/journal.h"
#include "store/limits.h"
#include "store/memory_store.h"

namespace latchkey {

/// A journal that forgets everything at its end, for tests beside a MemoryStore: one a node. It may
/// outlive the node that wrote it, as a file would. One loop, no threads.
class MemoryJournal final : public Journal {
public:
    /// The clock must outlive this object.
    MemoryJournal(NodeId node, Clock& clock, StoreLimits limits = {});
    ~MemoryJournal() override;

    const NodeId& node() const override;
    Task<JournalRoom> reserve(std::size_t bytes, Deadline by) override;
    Task<std::int64_t> append(JournalRecord record, Deadline by) override;
    Task<void> close(std::int64_t number, Deadline by) override;
    Task<std::vector<JournalRecord>> read(std::int64_t after, std::size_t limit,
                                          Deadline by) override;
    Task<std::size_t> prune(WallTime before, Deadline by) override;

    // What a test may do to a journal.

    using Trouble = MemoryStore::Trouble;
    /// The next `times` calls of "reserve", "append", "close", "read" or "prune" fail so; an empty
    /// name means every call.
    void fail_next(std::string call, Trouble how, int times = 1);
    /// Bytes that somebody holds room for.
    std::uint64_t reserved() const;
    /// How often a call was made, failed ones too.
    std::size_t calls(std::string_view call) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey
