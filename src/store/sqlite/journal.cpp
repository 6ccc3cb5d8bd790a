#include <optional>

#include <sqlite3.h>

#include "store/errors.h"
#include "store/private_file.h"
#include "store/sqlite/ports.h"

namespace latchkey::sqlite {
namespace {

class Answers final : public Journal {
public:
    Answers(Bench& bench, NodeId node) : bench_(bench), node_(std::move(node)) {}

    const NodeId& node() const override { return node_; }

    Task<JournalRoom> reserve(std::size_t bytes, Deadline by) override {
        return bench_.worker.read<JournalRoom>(
            [this, bytes](Database& database) -> Result<JournalRoom> {
                if (!fits(database, bytes)) return store_error::journal_full();
                return JournalRoom{};
            },
            by);
    }

    Task<std::int64_t> append(JournalRecord record, Deadline by) override {
        return bench_.worker.write<std::int64_t>(
            [this, record](Database& database) { return append_one(database, record); }, by);
    }

    Task<void> close(std::int64_t number, Deadline by) override {
        return bench_.worker.write<void>(
            [this, number](Database& database) -> Result<void> {
                database
                    .prepare(
                        "UPDATE journal SET closed_at = ?"
                        " WHERE number = ? AND closed_at IS NULL")
                    .bind(bench_.clock.wall())
                    .bind(number)
                    .run();
                return {};
            },
            by);
    }

    Task<std::vector<JournalRecord>> read(std::int64_t after, std::size_t limit,
                                          Deadline by) override {
        return bench_.worker.read<std::vector<JournalRecord>>(
            [after, limit](Database& database) -> Result<std::vector<JournalRecord>> {
                auto found = database.prepare(
                    "SELECT number, connection, epoch, grant_generation, generation, attempt, flow,"
                    " timeline, answer, at, closed_at FROM journal"
                    " WHERE tenant = ? AND number > ? ORDER BY number LIMIT ?");
                found.bind(default_tenant).bind(after).bind(static_cast<std::int64_t>(limit));
                std::vector<JournalRecord> records;
                while (found.step()) records.push_back(read_record(found));
                return records;
            },
            by);
    }

    Task<std::size_t> prune(WallTime before, Deadline by) override {
        return bench_.worker.write<std::size_t>(
            [this, before](Database& database) -> Result<std::size_t> {
                database.prepare("DELETE FROM journal WHERE closed_at < ?").bind(before).run();
                kept_bytes_.reset();
                return static_cast<std::size_t>(database.changes());
            },
            by);
    }

private:
    static JournalRecord read_record(Statement& row) {
        JournalRecord record;
        record.number = row.number();
        record.key.connection = ConnectionId{row.text()};
        record.key.epoch = Epoch{row.number()};
        record.grant_generation = GrantGeneration{row.number()};
        record.generation = Generation{row.number()};
        record.attempt = AttemptId{row.text()};
        record.flow = FlowId{row.text()};
        record.timeline = Timeline{row.text()};
        record.answer = row.sealed();
        record.at = row.time();
        record.closed = row.time_or_null().has_value();
        return record;
    }

    Result<std::int64_t> append_one(Database& database, const JournalRecord& record) {
        const auto size = record.answer.bytes.size();
        // The free space was looked at by `reserve`; an answer in hand is worth the last byte.
        if (kept_bytes(database) + size > bench_.limits.journal_bytes)
            return store_error::journal_full();
        try {
            database
                .prepare(
                    "INSERT INTO journal (tenant, connection, epoch, grant_generation,"
                    " generation, attempt, flow, timeline, answer, at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
                .bind(default_tenant)
                .bind(record.key.connection.text)
                .bind(record.key.epoch.value)
                .bind(record.grant_generation.value)
                .bind(record.generation.value)
                .bind(record.attempt.text)
                .bind(record.flow.text)
                .bind(record.timeline.text)
                .bind(record.answer)
                .bind(record.at)
                .run();
        } catch (const Failure& failure) {
            if ((failure.code & 0xff) == SQLITE_FULL) return store_error::journal_full();
            throw;
        }
        *kept_bytes_ += size;
        return database.last_row();
    }

    bool fits(Database& database, std::size_t bytes) {
        return kept_bytes(database) + bytes <= bench_.limits.journal_bytes &&
               free_bytes(bench_.path) >= bench_.limits.free_disk_bytes + bytes;
    }

    /// Never too low: what was added and rolled back is counted until the next pruning.
    std::uint64_t kept_bytes(Database& database) {
        if (!kept_bytes_) {
            auto sum = database.prepare("SELECT COALESCE(SUM(length(answer)), 0) FROM journal");
            sum.step();
            kept_bytes_ = static_cast<std::uint64_t>(sum.number());
        }
        return *kept_bytes_;
    }

    Bench& bench_;
    NodeId node_;
    std::optional<std::uint64_t> kept_bytes_;  // touched by the worker's thread only
};

}  // namespace

std::unique_ptr<Journal> make_journal(Bench& bench, NodeId node) {
    return std::make_unique<Answers>(bench, std::move(node));
}

}  // namespace latchkey::sqlite
