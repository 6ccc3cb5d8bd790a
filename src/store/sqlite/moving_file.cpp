#include "store/sqlite/moving_file.h"

#include <utility>

#include "store/sqlite/ports.h"

namespace latchkey {
namespace sqlite {

MovedTo moved_to(Database& database) {
    auto found = database.prepare("SELECT moved_to, move_done FROM installation");
    MovedTo moved;
    if (!found.step()) return moved;
    moved.place = found.text();
    moved.done = found.number() != 0;
    return moved;
}

}  // namespace sqlite

MovingFile::MovingFile(const std::string& path, std::string place)
    : place_(std::move(place)), database_(path, "") {
    // What is noted here has to outlive a power cut, as a claim has to.
    database_.execute("PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;");
    {
        auto found = database_.prepare("SELECT id, incarnation FROM installation");
        if (found.step()) {
            installation_.id = found.text();
            installation_.incarnation = found.number();
        }
    }
    timeline_ = sqlite::present_timeline(database_);
    last_event_ = database_.number(
        "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)");
    moved_to_ = sqlite::moved_to(database_);
}

Result<std::unique_ptr<MovingFile>> MovingFile::open(const std::string& path, std::string place) {
    try {
        return std::unique_ptr<MovingFile>{new MovingFile{path, std::move(place)}};
    } catch (const sqlite::Failure& failure) {
        return sqlite::error_of(failure);
    }
}

Result<void> MovingFile::note(MovedTo moved) {
    try {
        rows_.reset();
        const auto written = database_.transaction([&]() -> Result<void> {
            database_.prepare("UPDATE installation SET moved_to = ?, move_done = ?")
                .bind(moved.place)
                .bind(std::int64_t{moved.done})
                .run();
            return {};
        });
        if (written) moved_to_ = std::move(moved);
        return written;
    } catch (const sqlite::Failure& failure) {
        return sqlite::error_of(failure);
    }
}

Result<void> MovingFile::begin(const CopiedTable& table) {
    try {
        rows_.reset();
        rows_.emplace(database_.prepare(table.select));
        table_ = &table;
        return {};
    } catch (const sqlite::Failure& failure) {
        return sqlite::error_of(failure);
    }
}

Result<bool> MovingFile::next(std::vector<Cell>& row) {
    try {
        row.clear();
        if (!rows_->step()) {
            rows_.reset();
            return false;
        }
        for (const auto& column : table_->columns) {
            const bool digits =
                column.kind == ColumnKind::number || column.kind == ColumnKind::truth;
            if (digits) {
                const auto found = rows_->time_or_null();
                row.push_back(found ? Cell{std::to_string(found->time_since_epoch().count())}
                                    : Cell{});
                continue;
            }
            auto found = rows_->sealed_or_null();
            row.push_back(found ? Cell{std::move(found->bytes)} : Cell{});
        }
        return true;
    } catch (const sqlite::Failure& failure) {
        return sqlite::error_of(failure);
    }
}

}  // namespace latchkey
