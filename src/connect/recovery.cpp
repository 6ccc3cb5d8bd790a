#include <utility>
#include <vector>

#include "connect/flow_impl.h"
#include "connect/unstoppable.h"

namespace latchkey {
namespace {

constexpr std::size_t page = 200;
/// More exchanges than any process has under way when it ends.
constexpr std::size_t most_left = 10000;
constexpr std::chrono::seconds sweep_every{15};
/// An expired flow is kept this much longer, so that who comes a little late is told so.
constexpr std::chrono::seconds grace{30};

/// The last journal record of each flow that waits for its answer; 0: none.
using Records = std::map<FlowId, std::int64_t>;

}  // namespace

/// Applies the journalled answer of an exchange that a crash interrupted, or ends the flow.
Async<void> ConnectFlow::Impl::recover_flow(FlowRow flow, std::int64_t record, Deadline by) {
    if (record == 0) {
        // Whether the code was spent, nobody can tell. It is never sent again.
        parts.log.write(Level::error, "exchange_unknown",
                        {{"flow", flow.id.text}, {"provider", flow.provider.text}});
        auto ended = co_await end(std::move(flow), "exchange_unknown", by);
        if (!ended.has_value())
            parts.log.write(Level::error, "flow_not_ended", {{"code", ended.error().code}});
        co_return;
    }
    auto noted = co_await parts.vault.noted(record - 1, 1, by);
    if (!noted.has_value() || noted->size() != 1 || noted->front().record.number != record) {
        // Kept: with its key back, the next start can read it.
        parts.log.write(Level::error, "record_unreadable",
                        {{"flow", flow.id.text},
                         {"record", record},
                         {"code", noted.has_value() ? "corrupt" : noted.error().code}});
        co_return;
    }
    NotedAnswer found = std::move(noted->front());
    auto raw = RawAnswer::unpack(found.packed.reveal());
    if (!raw.has_value()) {
        parts.log.write(Level::error, "record_unreadable",
                        {{"flow", flow.id.text}, {"record", record}, {"code", raw.error().code}});
        co_return;
    }
    Answer answer;
    answer.key = found.record.key;
    answer.raw = std::move(*raw);
    answer.at = found.record.at;
    answer.record = record;
    answer.again = true;
    auto adopted = co_await adopt(std::move(flow), std::move(answer));
    if (adopted.has_value())
        parts.log.write(Level::info, "exchange_recovered",
                        {{"connection", adopted->connection.id.text}});
}

Task<void> ConnectFlow::Impl::recover(Deadline by) {
    auto left = co_await parts.store.flows().in_state(FlowState::exchanging, most_left, by);
    if (!left.has_value()) co_return left.error();
    Records records;
    for (const FlowRow& flow : *left)
        if (!busy.contains(flow.id)) records[flow.id] = 0;

    std::int64_t after = 0;
    for (;;) {
        auto read = co_await parts.journal.read(after, page, by);
        if (!read.has_value()) co_return read.error();
        if (read->empty()) break;
        after = read->back().number;
        for (const JournalRecord& record : *read) {
            if (record.flow.empty()) continue;
            const auto waiting = records.find(record.flow);
            // A flow may have noted its answer again under a later epoch: the last one counts.
            if (waiting != records.end())
                waiting->second = record.number;
            else if (!record.closed && !busy.contains(record.flow))
                co_await close_record(record.number);
        }
    }
    for (FlowRow& flow : *left) {
        const auto record = records.find(flow.id);
        if (record == records.end()) continue;
        const std::int64_t number = record->second;
        co_await recover_flow(std::move(flow), number, by);
    }
    co_return Result<void>{};
}

/// Tries again what the store did not take.
Async<void> ConnectFlow::Impl::retry_put_aside() {
    std::vector<FlowId> waiting;
    for (const auto& [id, answer] : put_aside) waiting.push_back(id);
    for (const FlowId& id : waiting) {
        if (busy.contains(id)) continue;
        auto flow = co_await parts.store.flows().by_id(id, for_store());
        const auto found = put_aside.find(id);
        if (found == put_aside.end()) continue;
        if (!flow.has_value()) {
            if (flow.error().fault == Fault::not_found) put_aside.erase(found);
            continue;
        }
        if (flow->state != FlowState::exchanging) {
            put_aside.erase(found);
            continue;
        }
        const connect::Mark<FlowId> mark{busy, id};
        Answer answer = found->second;
        auto adopted = co_await adopt(std::move(*flow), std::move(answer));
        if (!adopted.has_value() && adopted.error().code == "completion_under_way") co_return;
    }
}

Async<void> ConnectFlow::Impl::run([[maybe_unused]] std::shared_ptr<Impl> self) {
    while (!self->alarm->stopped()) {
        co_await self->retry_put_aside();
        auto erased = co_await self->parts.store.flows().erase_expired(
            self->parts.clock.wall() - grace, self->for_store());
        if (!erased.has_value())
            self->parts.log.write(Level::warning, "flows_not_swept",
                                  {{"code", erased.error().code}});
        co_await connect::Alarm::sleep(self->alarm, self->parts.clock.steady() + sweep_every);
    }
}

}  // namespace latchkey
