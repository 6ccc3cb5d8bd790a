#include "store/sqlite/moving_file.h"

#include <algorithm>
#include <set>
#include <string>

#include "store/sqlite/migrations.h"
#include "store/sqlite/sqlite_bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

/// What a copy's statement names: table, then column.
std::set<std::string> read_by_a_copy() {
    std::set<std::string> names;
    for (const auto& table : copied_tables()) {
        const std::string select = table.select;
        const auto from = select.find(" FROM ");
        REQUIRE(from != std::string::npos);
        const auto name = select.substr(from + 6, select.find(' ', from + 6) - from - 6);
        for (std::size_t at = 0; at < from;) {
            const auto end = std::min(select.find_first_of(" ,", at), from);
            names.insert(name + "." + select.substr(at, end - at));
            at = end + 1;
        }
    }
    return names;
}

}  // namespace

TEST_CASE(
    "every column of a store is copied to the other database, or belongs to this file alone") {
    SqliteFileBench bench;
    REQUIRE(bench.open().empty());
    bench.store.reset();
    sqlite::Database database{bench.options.path, ""};
    auto copied = read_by_a_copy();
    copied.insert("sealing_keys.position");  // counted anew, in the same order
    auto columns = database.prepare(
        "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
        " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'"
        " AND t.name NOT IN ('installation', 'nodes')");
    int seen = 0;
    for (; columns.step(); ++seen) {
        const auto column = columns.text();
        INFO(column);
        CHECK(copied.count(column) == 1);
    }
    CHECK(seen > 60);
}

TEST_CASE("a store that was moved, or may have been, is opened by nobody who does not ask for it") {
    for (const bool done : {false, true}) {
        SqliteFileBench bench;
        REQUIRE(bench.open().empty());
        auto file = MovingFile::open(bench.options.path, "db1:5432/latchkey");
        REQUIRE(file.has_value());
        CHECK((*file)->moved_to() == MovedTo{});
        REQUIRE((*file)->about_to_commit().has_value());
        if (done) REQUIRE((*file)->note({"db1:5432/latchkey", true}).has_value());
        file->reset();

        bench.store.reset();
        CHECK(bench.open() == "store_moved");
        bench.options.even_if_moved = true;
        REQUIRE(bench.open().empty());
        // A backup's mark is the way back.
        bench.ok(bench.store->grants().mark_restored(0, bench.by()));
        bench.options.even_if_moved = false;
        bench.reopen();
    }
}
