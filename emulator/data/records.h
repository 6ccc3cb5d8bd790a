#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "emulator/data/schema.h"
#include "emulator/data/values.h"

namespace latchkey::emulator::rest {

struct Record {
    std::vector<Value> fields;  ///< one for each field of the object, in its order
    bool deleted = false;       ///< in the recycle bin: seen by queryAll only

    explicit Record(const ObjectDef& object) : fields(object.fields.size()) {}
    const std::string& id() const { return std::get<std::string>(fields.front()); }
};

inline constexpr std::int64_t usually_generated = 1'000'000;

class Table;

/// A row as it was before a change that may still be taken back.
struct Before {
    Table* table;
    std::size_t row;
    std::optional<Record> record;  ///< nullopt: the row was not there
};

/// The records of one object, in order of their creation. A row is never taken out but by an
/// Attempt that made it, so a row's number names it for good.
class Table {
public:
    /// `first_number` is the number within the id of row 0.
    Table(const ObjectDef& object, std::uint64_t first_number)
        : object_(&object), first_number_(first_number) {}

    const ObjectDef& object() const { return *object_; }
    std::size_t size() const { return rows_.size(); }
    /// The record, about to be changed.
    Record& change(std::size_t number);
    const Record& row(std::size_t number) const { return rows_[number]; }

    /// The row of an 18-character id, deleted or not.
    std::optional<std::size_t> find(const std::string& id) const;

    /// Appends the record under its Id or, if it has none, under the next free one.
    /// returns  its row
    std::size_t add(Record record);

    /// The id that row `number` gets from `add`.
    std::string id_of(std::size_t number) const;

    /// From here on each change is noted there, if there is something to note it in.
    void note_changes_in(std::optional<std::vector<Before>>& notes) { notes_ = &notes; }
    void restore(Before before);

private:
    std::optional<std::vector<Before>>* notes_ = nullptr;
    const ObjectDef* object_;
    std::uint64_t first_number_;
    std::vector<Record> rows_;
    std::unordered_map<std::string, std::size_t> by_id_;
};

/// All tables of one org. A table is filled when it is first asked for, so an emulator that is only
/// logged in to pays for none.
class Org {
public:
    Org(std::uint64_t seed, std::string org_id, std::string user_id, std::string username);

    Table& table(const ObjectDef& object);

    const std::string& org_id() const { return org_id_; }
    /// The administrator, who owns what was there from the start.
    const std::string& user_id() const { return user_id_; }
    const std::string& username() const { return username_; }
    std::uint64_t seed() const { return seed_; }

    /// How many records generated objects have.
    std::int64_t generated_rows = usually_generated;

    /// More rows than this are refused, in each object.
    static constexpr std::size_t most_rows = 50'000;

private:
    friend class Attempt;
    std::optional<std::vector<Before>> notes_;  ///< while an Attempt is under way
    std::uint64_t seed_;
    std::string org_id_, user_id_, username_;
    std::vector<std::unique_ptr<Table>> tables_;
};

/// Changes that can be taken back together, for calls that do all or nothing. One within another is
/// part of it.
class Attempt {
public:
    /// `org` must outlive this object.
    explicit Attempt(Org& org);
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    ~Attempt();

    /// Every table is again as when this attempt began.
    void take_back();

private:
    Org& org_;
    bool outermost_;
    std::size_t from_;
};

/// Sets the fields that follow from others: full names, a stage's probability and outcome.
/// `given` tells which fields the caller has just set; those are left alone.
void derive_fields(const ObjectDef& object, Record& record, const std::vector<bool>& given);

}  // namespace latchkey::emulator::rest
