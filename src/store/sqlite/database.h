#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <latchkey/error.h>
#include <latchkey/time.h>

#include "model/grant.h"

struct sqlite3;
struct sqlite3_stmt;

namespace latchkey::sqlite {

/// SQLite said no. Thrown and caught inside this folder only; `error_of` makes an Error of it.
struct Failure {
    int code;          ///< extended result code
    bool at_commit;    ///< the transaction's fate may be open
    std::string what;  ///< SQLite's words; no values of ours are in them
};

/// FULL, IOERR, BUSY and the like: storage_unavailable, or storage_outcome_unknown for an I/O error
/// at the commit. READONLY: storage_read_only. CORRUPT, NOTADB: storage_damaged.
Error error_of(const Failure& failure);

/// One prepared statement while it is in use; returns to the cache at its end. Parameters are bound
/// and columns read in order, so that a list of names is the only place that says which is which.
class Statement {
public:
    Statement(sqlite3* database, sqlite3_stmt* prepared)
        : database_(database), prepared_(prepared) {}
    Statement(Statement&& other) noexcept;
    ~Statement();

    Statement& bind(std::string_view text);
    Statement& bind(std::int64_t number);
    Statement& bind(const Sealed& bytes);
    Statement& bind(WallTime when);
    Statement& bind_null();
    template <class T>
    Statement& bind(const std::optional<T>& value) {
        return value ? bind(*value) : bind_null();
    }

    /// True: there is a row to read. Throws Failure.
    bool step();
    /// For statements without rows.
    void run() { step(); }
    /// The first column of the first row; empty if there is none.
    std::string first_text() { return step() ? text() : std::string{}; }

    std::string text();
    std::int64_t number();
    Sealed sealed();
    std::optional<Sealed> sealed_or_null();
    WallTime time();
    std::optional<WallTime> time_or_null();

private:
    void check(int code) const;
    std::string bytes();
    bool null_here();

    sqlite3* database_;
    sqlite3_stmt* prepared_;
    int next_parameter_ = 1;
    int next_column_ = 0;
};

/// One connection to one database file. Used by one thread at a time.
class Database {
public:
    /// The file must exist. `vfs` is the name of a registered SQLite VFS; empty for the system's.
    /// Throws Failure.
    Database(const std::string& path, const std::string& vfs);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Keeps the compiled statement for the next time; `sql` must be a literal.
    Statement prepare(std::string_view sql);
    /// One or more statements without parameters.
    void execute(const std::string& sql);
    /// The first column of the first row of a PRAGMA or query.
    std::int64_t number(const std::string& sql);
    /// Rows that the last INSERT, UPDATE or DELETE touched.
    std::int64_t changes() const;
    std::int64_t last_row() const;

    /// Runs `work` in BEGIN IMMEDIATE ... COMMIT. An error or an exception rolls back.
    template <class Work>
    auto transaction(Work work) -> decltype(work()) {
        execute("BEGIN IMMEDIATE");
        Rollback unless_committed{*this};
        auto result = work();
        if (result.has_value()) commit();
        return result;
    }

private:
    struct Rollback {
        Database& database;
        ~Rollback() { database.roll_back(); }
    };
    void commit();
    void roll_back() noexcept;

    sqlite3* database_ = nullptr;
    std::unordered_map<std::string_view, sqlite3_stmt*> cache_;
};

}  // namespace latchkey::sqlite
