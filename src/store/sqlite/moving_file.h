#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/copied_tables.h"
#include "store/sqlite/database.h"

namespace latchkey {

/// Where a store's connections live now.
struct MovedTo {
    std::string place;  ///< "db1:5432/latchkey"; empty: here
    bool done = false;  ///< false: whether the move was committed is not known
    bool operator==(const MovedTo&) const = default;
};

/// The rows of a SQLite store, and the note that it was moved. On a connection of its own, by one
/// thread; whoever makes it holds the file's lock by a SqliteStore that is asked nothing meanwhile. All
/// calls wait for the disk, and fail as that store's do.
class MovingFile final : public CopySource {
public:
    /// `place` is where the store is being moved to.
    static Result<std::unique_ptr<MovingFile>> open(const std::string& path, std::string place);

    const MovedTo& moved_to() const { return moved_to_; }
    /// On the disk when it returns.
    Result<void> note(MovedTo moved);

    const Installation& installation() const override { return installation_; }
    const Timeline& timeline() const override { return timeline_; }
    std::int64_t last_event() const override { return last_event_; }
    Result<void> begin(const CopiedTable& table) override;
    Result<bool> next(std::vector<Cell>& row) override;
    Result<void> about_to_commit() override { return note({place_, false}); }

private:
    MovingFile(const std::string& path, std::string place);

    std::string place_;
    sqlite::Database database_;
    Installation installation_;
    Timeline timeline_;
    std::int64_t last_event_ = 0;
    MovedTo moved_to_;
    const CopiedTable* table_ = nullptr;
    std::optional<sqlite::Statement> rows_;  // before the database at the end
};

namespace sqlite {

/// The note of a store whose schema is up to date. Throws Failure.
MovedTo moved_to(Database& database);

}  // namespace sqlite
}  // namespace latchkey
