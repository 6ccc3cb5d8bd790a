#include <map>
#include <utility>

#include "store/memory/gate.h"
#include "store/memory_journal.h"

namespace latchkey {

struct MemoryJournal::Impl : memory::Gatekeeper {
    Impl(NodeId whose, Clock& time, StoreLimits bounds)
        : Gatekeeper(time), node(std::move(whose)), limits(bounds) {}

    struct Kept {
        JournalRecord record;
        std::optional<WallTime> closed_at;
    };
    NodeId node;
    StoreLimits limits;
    std::map<std::int64_t, Kept> records;
    std::int64_t last_number = 0;
    std::uint64_t bytes = 0;
    std::shared_ptr<std::uint64_t> promised = std::make_shared<std::uint64_t>(0);

    bool fits(std::size_t more) const { return bytes + more <= limits.journal_bytes; }
};

MemoryJournal::MemoryJournal(NodeId node, Clock& clock, StoreLimits limits)
    : impl_(std::make_unique<Impl>(std::move(node), clock, limits)) {}
MemoryJournal::~MemoryJournal() = default;

const NodeId& MemoryJournal::node() const {
    return impl_->node;
}

Task<JournalRoom> MemoryJournal::reserve(std::size_t bytes, Deadline by) {
    return memory::gate<JournalRoom>(
        impl_.get(), "reserve", by, [this, bytes]() -> Result<JournalRoom> {
            if (!impl_->fits(*impl_->promised + bytes)) return store_error::journal_full();
            *impl_->promised += bytes;
            return JournalRoom{std::shared_ptr<void>{
                impl_->promised.get(),
                [bytes, promised = impl_->promised](void*) { *promised -= bytes; }}};
        });
}

Task<std::int64_t> MemoryJournal::append(JournalRecord record, Deadline by) {
    return memory::gate<std::int64_t>(
        impl_.get(), "append", by, [this, record]() mutable -> Result<std::int64_t> {
            if (!impl_->fits(record.answer.bytes.size())) return store_error::journal_full();
            record.number = ++impl_->last_number;
            record.closed = false;
            impl_->bytes += record.answer.bytes.size();
            impl_->records[record.number] = Impl::Kept{std::move(record), std::nullopt};
            return impl_->last_number;
        });
}

Task<void> MemoryJournal::close(std::int64_t number, Deadline by) {
    return memory::gate<void>(impl_.get(), "close", by, [this, number]() -> Result<void> {
        const auto found = impl_->records.find(number);
        if (found == impl_->records.end() || found->second.closed_at) return {};
        found->second.record.closed = true;
        found->second.closed_at = impl_->clock.wall();
        return {};
    });
}

Task<std::vector<JournalRecord>> MemoryJournal::read(std::int64_t after, std::size_t limit,
                                                     Deadline by) {
    return memory::gate<std::vector<JournalRecord>>(
        impl_.get(), "read", by, [this, after, limit]() -> Result<std::vector<JournalRecord>> {
            std::vector<JournalRecord> records;
            for (auto at = impl_->records.upper_bound(after);
                 at != impl_->records.end() && records.size() < limit; ++at)
                records.push_back(at->second.record);
            return records;
        });
}

Task<std::size_t> MemoryJournal::prune(WallTime before, Deadline by) {
    return memory::gate<std::size_t>(
        impl_.get(), "prune", by, [this, before]() -> Result<std::size_t> {
            return std::erase_if(impl_->records, [&](const auto& entry) {
                const Impl::Kept& kept = entry.second;
                if (!kept.closed_at || *kept.closed_at >= before) return false;
                impl_->bytes -= kept.record.answer.bytes.size();
                return true;
            });
        });
}

std::uint64_t MemoryJournal::reserved() const {
    return *impl_->promised;
}

void MemoryJournal::fail_next(std::string call, Trouble how, int times) {
    impl_->faults.push_back({std::move(call), how, times});
}

std::size_t MemoryJournal::calls(std::string_view call) const {
    return impl_->count(call);
}

}  // namespace latchkey
