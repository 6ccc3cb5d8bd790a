#include "store/errors.h"
#include "store/limits.h"
#include "store/node_rules.h"
#include "store/postgres/ports.h"

namespace latchkey::postgres {
namespace {

constexpr int most_tries = 8;

NodeRow read_node(Rows& row) {
    NodeRow node;
    node.node = NodeId{row.text()};
    node.boot = BootId{row.text()};
    node.beats = row.number();
    node.left = row.truth();
    node.reads = row.text();
    return node;
}

/// Fits if the row still is what was read, or if there still is none.
Query write_node(const NodeRow& next, const std::optional<NodeRow>& seen) {
    auto write = writing(
        "INSERT INTO latchkey.nodes AS n (node, boot, beats, gone, reads) SELECT $1, $2, $3, $4, $8"
        " WHERE (SELECT latchkey.durable_timeline()) IS NOT NULL"
        " ON CONFLICT (node) DO UPDATE SET boot = excluded.boot, beats = excluded.beats,"
        " gone = excluded.gone, reads = excluded.reads WHERE n.boot = $5 AND n.beats = $6 AND "
        "n.gone = $7 RETURNING 1");
    // No boot has an empty name, so where none was seen an existing row does not fit.
    const auto before = seen.value_or(NodeRow{});
    write.given.word(next.node.text)
        .word(next.boot.text)
        .number(next.beats)
        .truth(next.left)
        .word(before.boot.text)
        .number(before.beats)
        .truth(before.left)
        .word(next.reads);
    return write;
}

class Nodes final : public NodeStore {
public:
    explicit Nodes(Bench& bench) : bench_(bench) {}

    bool alone() const override { return false; }

    Task<NodeRow> join(NodeId node, BootId boot, std::optional<NodeRow> silent,
                       Deadline by) override {
        for (int tries = 0; tries < most_tries; ++tries) {
            auto question = reading(
                "SELECT node, boot, beats, gone, reads FROM latchkey.nodes WHERE node = $1");
            question.given.word(node.text);
            auto found = co_await bench_.pool.ask(std::move(question), by);
            if (!found) co_return found.error();
            std::optional<NodeRow> seen;
            if (found->next()) seen = read_node(*found);
            auto joined = node_rules::join(seen, node, boot, silent);
            if (!joined) co_return joined;
            auto written = co_await bench_.pool.ask(write_node(*joined, seen), by);
            if (!written) co_return written.error();
            if (written->size() == 1) co_return joined;
        }
        co_return store_error::node_id_in_use();
    }

    /// node_rules::beat in one statement: it is the most frequent one of a node at rest.
    Task<void> beat(NodeId node, BootId boot, Deadline by) override {
        auto beat = writing(
            "UPDATE latchkey.nodes SET beats = beats + 1 WHERE node = $1 AND boot = $2 AND NOT gone"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1");
        beat.given.word(node.text).word(boot.text);
        auto done = co_await bench_.pool.ask(std::move(beat), by);
        if (!done) co_return done.error();
        if (done->size() == 0) co_return store_error::node_replaced();
        co_return Result<void>{};
    }

    Task<void> reads(NodeId node, BootId boot, std::string key, Deadline by) override {
        auto note = writing(
            "UPDATE latchkey.nodes SET reads = $3 WHERE node = $1 AND boot = $2 AND NOT gone"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1");
        note.given.word(node.text).word(boot.text).word(key);
        auto done = co_await bench_.pool.ask(std::move(note), by);
        if (!done) co_return done.error();
        if (done->size() == 0) co_return store_error::node_replaced();
        co_return Result<void>{};
    }

    Task<void> leave(NodeId node, BootId boot, Deadline by) override {
        auto leave = writing(
            "UPDATE latchkey.nodes SET gone = true WHERE node = $1 AND boot = $2"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1");
        leave.given.word(node.text).word(boot.text);
        auto done = co_await bench_.pool.ask(std::move(leave), by);
        if (!done) co_return done.error();
        co_return Result<void>{};
    }

    Task<std::vector<NodeRow>> list(Deadline by) override {
        auto question = reading(
            "SELECT node, boot, beats, gone, reads FROM latchkey.nodes"
            " ORDER BY node COLLATE \"C\" LIMIT $1");
        question.given.number(std::int64_t{most_listed_nodes});
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::vector<NodeRow> rows;
        while (found->next()) rows.push_back(read_node(*found));
        co_return rows;
    }

private:
    Bench& bench_;
};

}  // namespace

std::unique_ptr<NodeStore> make_nodes(Bench& bench) {
    return std::make_unique<Nodes>(bench);
}

}  // namespace latchkey::postgres
