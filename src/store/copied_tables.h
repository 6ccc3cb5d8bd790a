#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/ids.h>

#include "store/key_store.h"

namespace latchkey {

/// How a column of PostgreSQL's schema keeps its values.
enum class ColumnKind {
    word,      ///< our own words: text
    bytes,     ///< what others wrote, and what is sealed: bytea
    number,    ///< bigint
    truth,     ///< boolean
    timeline,  ///< a word; the source's present one becomes the target's
};

struct CopiedColumn {
    const char* name;
    ColumnKind kind;
};

/// One table, from SQLite's schema to PostgreSQL's. They differ in little: PostgreSQL keeps tokens in a
/// table of their own, and what others wrote as bytes.
struct CopiedTable {
    const char* name;    ///< of PostgreSQL's table, in the schema latchkey
    const char* select;  ///< SQLite's statement that gives these columns, in this order
    std::span<const CopiedColumn> columns;
};

/// Everything but the node's registration, each table before those that refer to it.
std::span<const CopiedTable> copied_tables();

/// A value as it is in the source; absent: NULL. Numbers and truths in decimal digits.
using Cell = std::optional<std::string>;

/// A store that is copied into an empty one, row by row. Every call may wait for a local disk.
class CopySource {
public:
    virtual ~CopySource() = default;
    virtual const Installation& installation() const = 0;
    virtual const Timeline& timeline() const = 0;
    /// The number of the newest event there ever was: none of the copy's may be given again.
    virtual std::int64_t last_event() const = 0;

    /// Begins with a table's first row.
    virtual Result<void> begin(const CopiedTable& table) = 0;
    /// False: that was the last. As many cells as the table has columns.
    virtual Result<bool> next(std::vector<Cell>& row) = 0;

    /// Called when everything but the commit has been done. What it refuses, is not committed; from
    /// here on nobody else may use the source until the commit's fate is known.
    virtual Result<void> about_to_commit() = 0;
};

/// How many rows were copied.
struct CopiedRows {
    std::int64_t connections = 0;
    std::int64_t grants = 0;
    std::int64_t flows = 0;
    std::int64_t api_keys = 0;
    std::int64_t events = 0;
};

}  // namespace latchkey
