#include "store/limits.h"
#include "store/node_rules.h"
#include "store/sqlite/ports.h"

namespace latchkey::sqlite {
namespace {

NodeRow read_node(Statement& row) {
    NodeRow node;
    node.node = NodeId{row.text()};
    node.boot = BootId{row.text()};
    node.beats = row.number();
    node.left = row.number() != 0;
    node.reads = row.text();
    return node;
}

std::optional<NodeRow> one_node(Database& database, const NodeId& node) {
    auto found =
        database.prepare("SELECT node, boot, beats, gone, reads FROM nodes WHERE node = ?");
    found.bind(node.text);
    if (!found.step()) return std::nullopt;
    return read_node(found);
}

void write_node(Database& database, const NodeRow& row) {
    database
        .prepare(
            "INSERT INTO nodes (node, boot, beats, gone, reads) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (node) DO UPDATE SET boot = excluded.boot, beats = excluded.beats,"
            " gone = excluded.gone, reads = excluded.reads")
        .bind(row.node.text)
        .bind(row.boot.text)
        .bind(row.beats)
        .bind(std::int64_t{row.left})
        .bind(row.reads)
        .run();
}

class Nodes final : public NodeStore {
public:
    explicit Nodes(Bench& bench) : bench_(bench) {}

    bool alone() const override { return true; }

    Task<NodeRow> join(NodeId node, BootId boot, std::optional<NodeRow> silent,
                       Deadline by) override {
        return bench_.worker.write<NodeRow>(
            [node, boot, silent](Database& database) -> Result<NodeRow> {
                auto joined = node_rules::join(one_node(database, node), node, boot, silent);
                if (joined) write_node(database, *joined);
                return joined;
            },
            by);
    }

    Task<void> beat(NodeId node, BootId boot, Deadline by) override {
        return bench_.worker.write<void>(
            [node, boot](Database& database) -> Result<void> {
                const auto next = node_rules::beat(one_node(database, node), boot);
                if (!next) return next.error();
                write_node(database, *next);
                return {};
            },
            by);
    }

    Task<void> reads(NodeId node, BootId boot, std::string key, Deadline by) override {
        return bench_.worker.write<void>(
            [node, boot, key](Database& database) -> Result<void> {
                const auto next = node_rules::reads(one_node(database, node), boot, key);
                if (!next) return next.error();
                write_node(database, *next);
                return {};
            },
            by);
    }

    Task<void> leave(NodeId node, BootId boot, Deadline by) override {
        return bench_.worker.write<void>(
            [node, boot](Database& database) -> Result<void> {
                database.prepare("UPDATE nodes SET gone = 1 WHERE node = ? AND boot = ?")
                    .bind(node.text)
                    .bind(boot.text)
                    .run();
                return {};
            },
            by);
    }

    Task<std::vector<NodeRow>> list(Deadline by) override {
        return bench_.worker.read<std::vector<NodeRow>>(
            [](Database& database) -> Result<std::vector<NodeRow>> {
                auto found = database.prepare(
                    "SELECT node, boot, beats, gone, reads FROM nodes ORDER BY node LIMIT ?");
                found.bind(static_cast<std::int64_t>(most_listed_nodes));
                std::vector<NodeRow> rows;
                while (found.step()) rows.push_back(read_node(found));
                return rows;
            },
            by);
    }

private:
    Bench& bench_;
};

/// One process at a time has the file, and it hears its own changes from itself.
class NoChanges final : public Changes {
public:
    explicit NoChanges(Bench& bench) : bench_(bench) {}

    Task<ChangeBatch> next(std::int64_t mark, Deadline by) override {
        co_await bench_.clock.sleep_until(by.at);
        ChangeBatch nothing;
        nothing.mark = mark;
        co_return nothing;
    }

private:
    Bench& bench_;
};

}  // namespace

std::unique_ptr<NodeStore> make_nodes(Bench& bench) {
    return std::make_unique<Nodes>(bench);
}

std::unique_ptr<Changes> make_changes(Bench& bench) {
    return std::make_unique<NoChanges>(bench);
}

}  // namespace latchkey::sqlite
