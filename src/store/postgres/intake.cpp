#include "store/postgres/intake.h"

#include <string>
#include <utility>

#include "base/text.h"
#include "store/errors.h"
#include "store/postgres/failures.h"
#include "store/postgres/migrations.h"

namespace latchkey::postgres {
namespace {

constexpr std::size_t most_rows = 500;
constexpr std::size_t most_bytes = 1 << 20;  // of one statement's text, about

/// Nobody makes a schema or joins as a node meanwhile.
constexpr const char* alone =
    "SET LOCAL search_path = pg_catalog, pg_temp;"
    "LOCK TABLE latchkey.installation, latchkey.nodes, latchkey.sealing_keys"
    " IN SHARE ROW EXCLUSIVE MODE";

/// A trial start on the empty database has left a key and its node's registration.
constexpr const char* clear =
    "DELETE FROM latchkey.sealing_keys; DELETE FROM latchkey.nodes; DELETE FROM latchkey.events";

Error not_empty() {
    return {Fault::conflict, "store_not_empty",
            "The target database holds connections, connect sessions or API keys already. Name an "
            "empty one, or, if nobody needs what is in it: DROP SCHEMA latchkey CASCADE"};
}

Error in_use() {
    return {Fault::conflict, "store_in_use",
            "A server is running on the target database. Stop it; if it was killed and is gone: "
            "DELETE FROM latchkey.nodes"};
}

/// What a statement of the transaction came to. Before the commit nothing is unknown: a connection
/// that breaks takes everything back.
Error failed(const Outcome& outcome) {
    return error_of(outcome, false);
}

Task<void> script(Link& link, std::string sql, Deadline by) {
    auto outcome = co_await link.run_script(std::move(sql), by);
    if (outcome.kind != Outcome::Kind::done) co_return failed(outcome);
    co_return Result<void>{};
}

Task<Rows> ask(Link& link, Query query, Deadline by) {
    auto outcome = co_await link.run(std::move(query), by);
    if (outcome.kind != Outcome::Kind::done || !outcome.rows.next()) co_return failed(outcome);
    co_return std::move(outcome.rows);
}

/// A value as SQL. Whatever it is stands in hexadecimal digits, so no text of anybody ends it.
void put(std::string& sql, const Cell& cell, ColumnKind kind) {
    if (!cell) {
        sql += "NULL";
        return;
    }
    switch (kind) {
        case ColumnKind::number:
            sql += *cell;
            return;
        case ColumnKind::truth:
            sql += *cell == "0" ? "false" : "true";
            return;
        case ColumnKind::bytes:
            sql += "decode('" + hex(*cell) + "','hex')";
            return;
        default:
            sql += "convert_from(decode('" + hex(*cell) + "','hex'),'UTF8')";
    }
}

std::string beginning(const CopiedTable& table) {
    std::string sql = "INSERT INTO latchkey." + std::string{table.name} + " (";
    for (const auto& column : table.columns)
        sql += (&column == table.columns.data() ? "" : ", ") + std::string{column.name};
    return sql + ") VALUES ";
}

/// One row as a text of parentheses and values.
std::string values(const CopiedTable& table, const std::vector<Cell>& row, const Timeline& from,
                   const Timeline& present) {
    std::string sql = "(";
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i != 0) sql += ",";
        const auto kind = table.columns[i].kind;
        // What was confirmed on another history than the source's present one stays suspect.
        const bool confirmed = kind == ColumnKind::timeline && row[i] == from.text;
        put(sql, confirmed ? Cell{present.text} : row[i], kind);
    }
    return sql + ")";
}

Task<std::int64_t> copy_table(Link& link, const CopiedTable& table, CopySource& from,
                              Timeline present, Deadline by) {
    auto begun = from.begin(table);
    if (!begun) co_return begun.error();
    std::int64_t copied = 0;
    std::vector<Cell> row;
    for (bool more = true; more;) {
        std::string sql = beginning(table);
        std::size_t rows = 0;
        while (rows < most_rows && sql.size() < most_bytes) {
            const auto found = from.next(row);
            if (!found) co_return found.error();
            more = *found;
            if (!more) break;
            sql += (rows++ == 0 ? "" : ",") + values(table, row, from.timeline(), present);
        }
        if (rows == 0) break;
        auto written = co_await script(link, std::move(sql), by);
        if (!written) co_return written.error();
        copied += static_cast<std::int64_t>(rows);
    }
    co_return copied;
}

Task<void> look(Link& link, Deadline by) {
    auto question = reading(
        "SELECT EXISTS (SELECT 1 FROM latchkey.grants)"
        " OR EXISTS (SELECT 1 FROM latchkey.connections) OR EXISTS (SELECT 1 FROM latchkey.flows)"
        " OR EXISTS (SELECT 1 FROM latchkey.api_keys),"
        " EXISTS (SELECT 1 FROM latchkey.nodes WHERE NOT gone)");
    auto found = co_await ask(link, std::move(question), by);
    if (!found) co_return found.error();
    if (found->truth()) co_return not_empty();
    if (found->truth()) co_return in_use();
    co_return Result<void>{};
}

Task<Timeline> become(Link& link, const Installation& installation, Deadline by) {
    auto rename =
        writing("UPDATE latchkey.installation SET id = $1, incarnation = $2 RETURNING incarnation");
    rename.given.word(installation.id).number(installation.incarnation);
    auto renamed = co_await ask(link, std::move(rename), by);
    if (!renamed) co_return renamed.error();
    // It also makes this transaction as durable as the database can.
    auto question = reading("SELECT latchkey.durable_timeline()");
    auto line = co_await ask(link, std::move(question), by);
    if (!line) co_return line.error();
    co_return Timeline{line->text()};
}

Task<void> copy_all(Link& link, CopySource& from, CopiedRows* rows, Deadline by) {
    const auto present = co_await become(link, from.installation(), by);
    if (!present) co_return present.error();
    for (const auto& table : copied_tables()) {
        auto copied = co_await copy_table(link, table, from, *present, by);
        if (!copied) co_return copied.error();
        const std::string_view name{table.name};
        if (name == "connections") rows->connections = *copied;
        if (name == "grants") rows->grants = *copied;
        if (name == "flows") rows->flows = *copied;
        if (name == "api_keys") rows->api_keys = *copied;
        if (name == "events") rows->events = *copied;
    }
    if (from.last_event() == 0) co_return Result<void>{};
    auto number = reading("SELECT pg_catalog.setval('latchkey.event_numbers', $1)");
    number.given.number(from.last_event());
    auto set = co_await ask(link, std::move(number), by);
    if (!set) co_return set.error();
    co_return Result<void>{};
}

/// Leaving early closes the link, which takes everything back.
Task<void> take_in_on(Link& link, CopySource& from, CopiedRows* rows, Deadline by) {
    auto done = co_await script(link, "BEGIN ISOLATION LEVEL READ COMMITTED", by);
    if (done) done = co_await script(link, take_turns, by);
    if (done) done = co_await script(link, alone, by);
    if (done) done = co_await look(link, by);
    if (done) done = co_await script(link, clear, by);
    if (done) done = co_await copy_all(link, from, rows, by);
    if (done) done = from.about_to_commit();
    if (!done) co_return done;
    auto committed = co_await link.run_script("COMMIT", by);
    if (committed.kind == Outcome::Kind::done) co_return Result<void>{};
    co_return error_of(committed, true);
}

}  // namespace

Task<CopiedRows> take_in(Pool& pool, CopySource& from, Deadline by) {
    auto rows = std::make_shared<CopiedRows>();
    std::function<Task<void>(Link&)> work = [&from, rows, by](Link& link) {
        return take_in_on(link, from, rows.get(), by);
    };
    auto done = co_await pool.with_link(std::move(work), by);
    if (!done) co_return done.error();
    co_return *rows;
}

Task<bool> holds(Pool& pool, std::string installation, Deadline by) {
    // It writes, and so waits for a transaction that is making it one, and for the standby that a
    // commit before this one may still lack.
    auto look = writing(
        "UPDATE latchkey.installation SET id = id"
        " WHERE (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING id");
    auto found = co_await pool.ask(std::move(look), by);
    if (!found) co_return found.error();
    co_return found->next() && found->text() == installation;
}

}  // namespace latchkey::postgres
