#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/time.h>

#include "model/grant.h"

struct pg_result;

namespace latchkey::postgres {

/// The values of a statement's $1, $2, ... in order, in libpq's binary form. A string that comes
/// from anybody else is `bytes` (bytea): any bytes, NUL among them, and compared bytewise. `word` is
/// text, for our own words.
class Parameters {
public:
    Parameters& bytes(std::string_view value);
    Parameters& word(std::string_view value);
    Parameters& number(std::int64_t value);
    Parameters& truth(bool value);
    Parameters& time(WallTime value) { return number(value.time_since_epoch().count()); }
    Parameters& time(const std::optional<WallTime>& value);
    Parameters& sealed(const Sealed& value) { return bytes(value.bytes); }
    Parameters& sealed(const std::optional<Sealed>& value);
    Parameters& bytes_or_null(const std::optional<std::string_view>& value);
    Parameters& word_or_null(const std::optional<std::string_view>& value);

    std::size_t size() const { return types_.size(); }
    const std::uint32_t* types() const { return types_.data(); }
    const std::vector<std::optional<std::string>>& values() const { return values_; }

private:
    Parameters& add(std::uint32_t type, std::optional<std::string> value);
    std::vector<std::uint32_t> types_;
    std::vector<std::optional<std::string>> values_;
};

/// One statement, which is one transaction of its own.
struct Query {
    std::string_view sql;  ///< outlives the query: a literal or a static
    Parameters given;
    bool writes = false;         ///< when its answer is lost, its outcome is unknown
    std::string_view tolerated;  ///< SQLSTATEs that are an answer to the caller, not a failure
    Query(std::string_view text, bool changes) : sql(text), writes(changes) {}
};

inline Query reading(std::string_view sql) {
    return Query{sql, false};
}
inline Query writing(std::string_view sql) {
    return Query{sql, true};
}

/// What came back. Columns are read in order, row by row.
class Rows {
public:
    Rows() = default;
    explicit Rows(pg_result* result);

    /// The tolerated SQLSTATE that the server answered with; then there are no rows.
    bool refused() const { return refused_; }
    static Rows refusal();

    std::size_t size() const;
    /// Goes to the next row, the first at first. False: there is none.
    bool next();

    std::string text();
    std::int64_t number();
    bool truth();
    Sealed sealed() { return Sealed{text()}; }
    std::optional<Sealed> sealed_or_null();
    WallTime time() { return WallTime{std::chrono::seconds{number()}}; }
    std::optional<WallTime> time_or_null();

private:
    bool null_here();
    std::shared_ptr<pg_result> result_;
    int row_ = -1;
    int column_ = 0;
    bool refused_ = false;
};

}  // namespace latchkey::postgres
