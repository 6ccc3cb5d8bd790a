#include "store/memory/memory_state.h"

namespace latchkey::memory {
namespace {

class Answers final : public Journal {
public:
    explicit Answers(Contents& state) : state_(state) {}

    Task<void> reserve(std::size_t bytes, Deadline by) override {
        return gate<void>(&state_, "journal.reserve", by, [this, bytes]() -> Result<void> {
            if (!fits(bytes)) return store_error::journal_full();
            return {};
        });
    }

    Task<std::int64_t> append(JournalRecord record, Deadline by) override {
        return gate<std::int64_t>(
            &state_, "journal.append", by, [this, record]() mutable -> Result<std::int64_t> {
                if (!fits(record.answer.bytes.size())) return store_error::journal_full();
                record.number = ++state_.last_number;
                record.closed = false;
                if (record.timeline.empty()) record.timeline = state_.timeline();
                state_.journal_bytes += record.answer.bytes.size();
                state_.journal[record.number] = KeptAnswer{std::move(record), std::nullopt};
                return state_.last_number;
            });
    }

    Task<void> close(std::int64_t number, Deadline by) override {
        return gate<void>(&state_, "journal.close", by, [this, number]() -> Result<void> {
            const auto found = state_.journal.find(number);
            if (found == state_.journal.end() || found->second.closed_at) return {};
            found->second.record.closed = true;
            found->second.closed_at = state_.clock.wall();
            return {};
        });
    }

    Task<std::vector<JournalRecord>> read(std::int64_t after, std::size_t limit,
                                          Deadline by) override {
        return gate<std::vector<JournalRecord>>(
            &state_, "journal.read", by,
            [this, after, limit]() -> Result<std::vector<JournalRecord>> {
                std::vector<JournalRecord> records;
                for (auto at = state_.journal.upper_bound(after);
                     at != state_.journal.end() && records.size() < limit; ++at)
                    records.push_back(at->second.record);
                return records;
            });
    }

    Task<std::size_t> prune(WallTime before, Deadline by) override {
        return gate<std::size_t>(&state_, "journal.prune", by,
                                 [this, before]() -> Result<std::size_t> {
                                     return std::erase_if(state_.journal, [&](const auto& entry) {
                                         const auto& kept = entry.second;
                                         if (!kept.closed_at || *kept.closed_at >= before)
                                             return false;
                                         state_.journal_bytes -= kept.record.answer.bytes.size();
                                         return true;
                                     });
                                 });
    }

private:
    bool fits(std::size_t bytes) const {
        return state_.journal_bytes + bytes <= state_.limits.journal_bytes;
    }

    Contents& state_;
};

}  // namespace

std::unique_ptr<Journal> make_journal(Contents& state) {
    return std::make_unique<Answers>(state);
}

}  // namespace latchkey::memory
