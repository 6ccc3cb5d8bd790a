#include "store/postgres/migrations.h"

#include <string>
#include <utility>

#include "base/text.h"
#include "store/errors.h"
#include "store/postgres/failures.h"
#include "store/postgres/schema.h"

namespace latchkey::postgres {
namespace {

Error refused(const Outcome& outcome) {
    if (outcome.sqlstate != "42501") return error_of(outcome, true);
    Error error{Fault::misconfigured, "store_refused",
                "The database does not let the store's role make its schema. Let it: GRANT CREATE "
                "ON DATABASE ... TO ..., or make the schema latchkey and give it to the role."};
    error.remote_text = outcome.what;
    return error;
}

Task<void> script(Link& link, std::string sql, Deadline by) {
    auto outcome = co_await link.run_script(std::move(sql), by);
    if (outcome.kind != Outcome::Kind::done) co_return refused(outcome);
    co_return Result<void>{};
}

/// A look at the tables of the catalogue itself: to_regclass answers from what the session has
/// remembered, which another node's migration, waited for in between, need not have changed.
constexpr const char* is_there =
    "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'latchkey' AND c.relname = 'installation')";
constexpr const char* which_version = "SELECT schema_version FROM latchkey.installation";

/// 0: there is no schema of ours yet.
Task<std::int64_t> version_found(Link& link, Deadline by) {
    auto question = reading(is_there);
    auto exists = co_await link.run(std::move(question), by);
    if (exists.kind != Outcome::Kind::done || !exists.rows.next()) co_return refused(exists);
    if (!exists.rows.truth()) co_return std::int64_t{0};
    auto which = reading(which_version);
    auto version = co_await link.run(std::move(which), by);
    if (version.kind != Outcome::Kind::done) co_return refused(version);
    if (!version.rows.next()) co_return store_error::damaged("it has no installation row");
    co_return version.rows.number();
}

Error too_new(std::int64_t found, std::int64_t newest) {
    return {Fault::misconfigured, "store_too_new",
            "The store was written by a later latchkey (schema " + std::to_string(found) +
                ", known up to " + std::to_string(newest) +
                "). Start that one, or restore a backup from before."};
}

Task<void> note_version(Link& link, std::int64_t version, std::string id, Deadline by) {
    auto first = writing(
        "INSERT INTO latchkey.installation (one, schema_version, id, incarnation, system)"
        " VALUES (1, $1, $2, 1, latchkey.system_identifier())");
    auto later = writing("UPDATE latchkey.installation SET schema_version = $1 WHERE $2 = ''");
    auto note = std::move(later);
    if (version == 1) note = std::move(first);
    note.given.number(version).word(version == 1 ? id : "");
    auto noted = co_await link.run(std::move(note), by);
    if (noted.kind != Outcome::Kind::done) co_return refused(noted);
    co_return Result<void>{};
}

/// Most starts find nothing to do, and need no link of their own.
Task<bool> is_current(Pool& pool, Deadline by) {
    auto exists = co_await pool.ask(reading(is_there), by);
    if (!exists) co_return exists.error();
    if (!exists->next() || !exists->truth()) co_return false;
    auto question = reading(which_version);
    question.tolerated = "42501";
    auto version = co_await pool.ask(std::move(question), by);
    if (!version) co_return version.error();
    if (version->refused() || !version->next()) co_return false;
    co_return version->number() == static_cast<std::int64_t>(schema_steps().size());
}

Task<void> migrate_on(Link& link, std::string id, Deadline by) {
    const auto steps = schema_steps();
    const auto newest = static_cast<std::int64_t>(steps.size());

    // One transaction; leaving early closes the link, which takes it back. What is read after the
    // turn was waited for must be of then, whatever the role's own isolation is.
    auto begun = co_await script(link, "BEGIN ISOLATION LEVEL READ COMMITTED", by);
    if (!begun) co_return begun;
    auto turn = co_await script(link, take_turns, by);
    if (!turn) co_return turn;
    auto found = co_await version_found(link, by);  // whoever had the turn before may have done it
    if (!found) co_return found.error();
    if (*found > newest) co_return too_new(*found, newest);
    for (auto version = *found + 1; version <= newest; ++version) {
        std::string step{steps[static_cast<std::size_t>(version - 1)]};
        auto made = co_await script(link, std::move(step), by);
        if (!made) co_return made;
        auto noted = co_await note_version(link, version, id, by);
        if (!noted) co_return noted;
    }
    co_return co_await script(link, "COMMIT", by);
}

}  // namespace

Task<void> migrate(Pool& pool, Random& random, Deadline by) {
    auto current = co_await is_current(pool, by);
    if (!current) co_return current.error();
    if (*current) co_return Result<void>{};
    const auto id = random_text(random, 16);
    std::function<Task<void>(Link&)> work = [id, by](Link& link) {
        return migrate_on(link, id, by);
    };
    co_return co_await pool.with_link(std::move(work), by);
}

Task<ServerSettings> read_settings(Pool& pool, Deadline by) {
    auto question = reading(
        "SELECT pg_catalog.current_setting('fsync') = 'on',"
        " pg_catalog.current_setting('synchronous_standby_names'),"
        " pg_catalog.current_setting('synchronous_commit'),"
        " pg_catalog.current_setting('server_version_num')::pg_catalog.int8");
    auto rows = co_await pool.ask(std::move(question), by);
    if (!rows) co_return rows.error();
    if (!rows->next()) co_return store_error::damaged("it tells no settings");
    ServerSettings found;
    found.fsync = rows->truth();
    found.standbys = rows->text();
    found.synchronous_commit = rows->text();
    found.server_version = rows->number();
    co_return found;
}

}  // namespace latchkey::postgres
