#include <chrono>
#include <filesystem>
#include <utility>

#include <latchkey/journal.h>
#include <latchkey/store_copy.h>

#include "base/run_here.h"
#include "facade/house.h"
#include "store/postgres/dsn.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/moving_file.h"

namespace latchkey {

namespace {

using namespace std::chrono_literals;

constexpr auto time_to_read = 30s;
constexpr auto time_to_copy = 60min;

Error options_refused(const std::string& what) {
    return {Fault::bad_input, "store_copy_options", what};
}

/// The same place, however it is spelled.
bool one_place(const std::string& a, const std::string& b) {
    std::error_code ignored;
    return std::filesystem::weakly_canonical(a, ignored) ==
           std::filesystem::weakly_canonical(b, ignored);
}

Result<void> check(const Options& from, const Options& to) {
    if (from.database.empty() || from.shared_database)
        return options_refused("The store to copy must be a SQLite file (store.path).");
    if (!to.shared_database)
        return options_refused("The target must be a PostgreSQL database (store.dsn_file).");
    const auto journal = journal_directory(from);
    if (!one_place(journal, to.journal_directory))
        return options_refused(
            "The target's journal.directory must be " + journal +
            ", where the answers are that belong to these connections. It may be moved afterwards, "
            "while no server runs.");
    // Opening it would make one.
    std::error_code unseen;
    if (!std::filesystem::exists(from.database, unseen))
        return Error{Fault::not_found, "store_not_found",
                     "There is no store at " + from.database + ". Nothing was made."};
    return {};
}

Error moved_elsewhere(const MovedTo& to) {
    if (to.done)
        return {Fault::misconfigured, "store_moved",
                "The connections of this store were moved to the database at " + to.place +
                    ", which is not the target. Nothing was changed."};
    return {Fault::misconfigured, "store_moved",
            "A copy of this store to the database at " + to.place +
                " has begun and may be complete, and the target is another. Nothing was changed. "
                "Repeat the copy to that database first, with its hosts and name as they were."};
}

Error copy_is_gone(const MovedTo& to) {
    return {Fault::misconfigured, "store_moved",
            "The connections of this store were moved to the database at " + to.place +
                ", and are not there any more. Nothing was changed. Restore that database; or mark "
                "this file as put back: latchkey restore --mark."};
}

Error copied_before() {
    return {Fault::conflict, "store_not_empty",
            "The target database holds an earlier copy of this store, which has been used since. "
            "Nothing was changed. If no server has run on that copy: DROP SCHEMA latchkey CASCADE"};
}

/// Whether the target is this installation's already, and for good.
Task<bool> has_become(PostgresStore& target, std::string id, Clock& clock) {
    auto there = co_await target.keys().installation(clock.in(time_to_read));
    if (!there) co_return there.error();
    if (there->id != id) co_return false;
    auto held = co_await target.holds(std::move(id), clock.in(time_to_read));
    co_return held;
}

/// Copies, or finds out that it was done: by a call before, or by a commit whose answer was lost.
Result<void> bring_over(Ground& ground, MovingFile& file, PostgresStore& target, StoreCopy& told) {
    boost::asio::io_context loop;
    const auto id = file.installation().id;
    const auto before = file.moved_to();
    const auto there = run_here(loop, has_become(target, id, ground.clock));
    if (!there) return there.error();
    // What may be complete elsewhere must not be begun here: two would have the same tokens.
    if (!before.place.empty() && before.place != told.place && !(*there && before.done))
        return moved_elsewhere(before);
    if (*there) {
        // The file was closed to everybody before that commit, so it cannot have gone on since.
        if (before.place.empty()) return copied_before();
        told.done_before = true;
        return {};
    }
    if (before.done) return copy_is_gone(before);
    const auto rows = run_here(loop, target.take_in(file, ground.clock.in(time_to_copy)));
    if (rows) {
        told.connections = rows->connections;
        told.grants = rows->grants;
        told.sessions = rows->flows;
        told.api_keys = rows->api_keys;
        told.events = rows->events;
        return {};
    }
    // Refused before it was closed, or by what a call before this one has committed meanwhile.
    if (file.moved_to().place == told.place) {
        const auto now = run_here(loop, has_become(target, id, ground.clock));
        if (now && *now) {
            told.done_before = true;
            return {};
        }
    }
    // Where the commit's fate is not known, nobody may open the file until it is.
    const bool known = rows.error().fault != Fault::outcome_unknown;
    if (known && file.moved_to() != before) {
        const auto taken_back = file.note(before);
        if (!taken_back) return taken_back.error();
    }
    return rows.error();
}

Result<StoreCopy> copy(Ground& ground, MovingFile& file, PostgresStore& target, StoreCopy told) {
    const auto brought = bring_over(ground, file, target, told);
    if (!brought) return brought.error();
    const auto marked = file.note({told.place, true});
    if (!marked) return marked.error();
    return told;
}

}  // namespace

Result<StoreCopy> copy_store(Options from, Options to) {
    const auto sound = check(from, to);
    if (!sound) return sound.error();
    const auto dsn = postgres::parse_dsn(to.shared_database->dsn);
    if (!dsn) return dsn.error();
    StoreCopy told;
    told.place = dsn->shown();

    Ground ground{from};
    const auto opened = open_store(ground, from, WhereMoved::open);
    if (!opened) return opened.error();
    auto file = MovingFile::open(from.database, told.place);
    if (!file) return file.error();
    // A key that opens nothing would be found out when the file is closed already.
    const auto keys = open_keys(ground, to.master_key);
    if (!keys) return keys.error();

    PostgresOptions wanted{to.shared_database->dsn};
    wanted.accept_async_replication = to.shared_database->accept_async_replication;
    auto target = PostgresStore::open(std::move(wanted), ground.clock, ground.random, ground.log);
    if (!target) return target.error();
    return copy(ground, **file, **target, std::move(told));
}

}  // namespace latchkey
