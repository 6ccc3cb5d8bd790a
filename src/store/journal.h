#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/time.h>

#include "base/async.h"
#include "model/grant.h"

namespace latchkey {

/// One answer of a token endpoint, kept before anybody parses it.
struct JournalRecord {
    std::int64_t number = 0;  ///< given by append, growing, never reused
    GrantKey key;
    GrantGeneration grant_generation;  ///< that was presented; 0 for a code exchange
    Generation generation;             ///< of the row at the claim
    AttemptId attempt;
    FlowId flow;        ///< of a code exchange; else empty
    Timeline timeline;  ///< of the claim; empty for a code exchange
    Sealed answer;
    WallTime at{};
    bool closed = false;
};

/// Room in a journal that nobody else can take; given back when the last copy ends. It may outlive
/// the journal.
class JournalRoom {
public:
    JournalRoom() = default;
    explicit JournalRoom(std::shared_ptr<void> held) : held_(std::move(held)) {}

private:
    std::shared_ptr<void> held_;
};

/// One node's own record of answers, apart from the store that many nodes share. A record is durable
/// (synced) before append returns, and stays readable for at least 14 days after it was closed.
/// Adapters pass the contract suite of tests/contract.
///
/// Errors are those of store.h, besides the ones named here.
class Journal {
public:
    virtual ~Journal() = default;
    /// Whose journal this is: claims are made in this name.
    virtual const NodeId& node() const = 0;
    /// Makes sure that `bytes` more can be written, whatever others write; called before a claim.
    /// The room is held until it is let go: when the answer is noted, or will not come.
    /// errors  try_later journal_full
    virtual Task<JournalRoom> reserve(std::size_t bytes, Deadline by) = 0;
    /// returns the record's number. errors  try_later journal_full: not written
    virtual Task<std::int64_t> append(JournalRecord record, Deadline by) = 0;
    /// The row is confirmed with this generation or a newer one. Safe to repeat.
    virtual Task<void> close(std::int64_t number, Deadline by) = 0;
    /// Every record, closed or not, in order, after `number`, at most `limit`.
    virtual Task<std::vector<JournalRecord>> read(std::int64_t after, std::size_t limit,
                                                  Deadline by) = 0;
    /// Removes records closed before `before`.
    virtual Task<std::size_t> prune(WallTime before, Deadline by) = 0;
};

}  // namespace latchkey
