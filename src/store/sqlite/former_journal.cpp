#include "store/sqlite/former_journal.h"

#include <vector>

#include "store/sqlite/migrations.h"

namespace latchkey::sqlite {
namespace {

constexpr std::int64_t records_at_once = 100;

std::vector<FormerJournal::Record> read_some(Database& database, std::int64_t after) {
    auto found = database.prepare(
        "SELECT number, connection, epoch, grant_generation, generation, attempt, flow,"
        " timeline, answer, at, closed_at FROM journal WHERE number > ? ORDER BY number LIMIT ?");
    found.bind(after).bind(records_at_once);
    std::vector<FormerJournal::Record> records;
    while (found.step()) {
        FormerJournal::Record kept;
        auto& record = kept.record;
        record.number = found.number();
        record.key.connection = ConnectionId{found.text()};
        record.key.epoch = Epoch{found.number()};
        record.grant_generation = GrantGeneration{found.number()};
        record.generation = Generation{found.number()};
        record.attempt = AttemptId{found.text()};
        record.flow = FlowId{found.text()};
        record.timeline = Timeline{found.text()};
        record.answer = found.sealed();
        record.at = found.time();
        kept.closed_at = found.time_or_null();
        records.push_back(std::move(kept));
    }
    return records;
}

}  // namespace

Result<void> hand_over_journal(Database& database,
                               const std::function<Result<void>(const FormerJournal&)>& to) {
    const auto version = database.number("PRAGMA user_version");
    const bool ours = database.number("PRAGMA application_id") == our_application_id;
    if (!ours || version < 1 || version >= first_without_journal) return {};
    FormerJournal former;
    former.installation = database.prepare("SELECT id FROM installation").first_text();
    former.node = NodeId{database.prepare("SELECT node FROM installation").first_text()};
    former.read = [&database](std::int64_t after) {
        return Result<std::vector<FormerJournal::Record>>{read_some(database, after)};
    };
    if (to) return to(former);
    if (read_some(database, 0).empty()) return {};
    return Error{Fault::internal, "storage_failed",
                 "The store holds a journal of a former version, and nobody takes it."};
}

}  // namespace latchkey::sqlite
