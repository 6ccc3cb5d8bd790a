#include "store/memory/memory_state.h"
#include "store/node_rules.h"

namespace latchkey::memory {
namespace {

class Nodes final : public NodeStore {
public:
    explicit Nodes(Contents& state) : state_(state) {}

    bool alone() const override { return false; }

    Task<NodeRow> join(NodeId node, BootId boot, std::optional<NodeRow> silent,
                       Deadline by) override {
        return gate<NodeRow>(&state_, "nodes.join", by,
                             [this, node, boot, silent]() -> Result<NodeRow> {
                                 auto joined = node_rules::join(find(node), node, boot, silent);
                                 if (joined) state_.nodes[node.text] = *joined;
                                 return joined;
                             });
    }

    Task<void> beat(NodeId node, BootId boot, Deadline by) override {
        return gate<void>(&state_, "nodes.beat", by, [this, node, boot]() -> Result<void> {
            const auto next = node_rules::beat(find(node), boot);
            if (!next) return next.error();
            state_.nodes[node.text] = *next;
            return {};
        });
    }

    Task<void> reads(NodeId node, BootId boot, std::string key, Deadline by) override {
        return gate<void>(&state_, "nodes.reads", by, [this, node, boot, key]() -> Result<void> {
            const auto next = node_rules::reads(find(node), boot, key);
            if (!next) return next.error();
            state_.nodes[node.text] = *next;
            return {};
        });
    }

    Task<void> leave(NodeId node, BootId boot, Deadline by) override {
        return gate<void>(&state_, "nodes.leave", by, [this, node, boot]() -> Result<void> {
            const auto found = state_.nodes.find(node.text);
            if (found != state_.nodes.end() && found->second.boot == boot)
                found->second.left = true;
            return {};
        });
    }

    Task<std::vector<NodeRow>> list(Deadline by) override {
        return gate<std::vector<NodeRow>>(&state_, "nodes.list", by,
                                          [this]() -> Result<std::vector<NodeRow>> {
                                              std::vector<NodeRow> rows;
                                              for (const auto& [name, row] : state_.nodes)
                                                  if (rows.size() < most_listed_nodes)
                                                      rows.push_back(row);
                                              return rows;
                                          });
    }

private:
    std::optional<NodeRow> find(const NodeId& node) const {
        const auto found = state_.nodes.find(node.text);
        if (found == state_.nodes.end()) return std::nullopt;
        return found->second;
    }

    Contents& state_;
};

}  // namespace

std::unique_ptr<NodeStore> make_nodes(Contents& state) {
    return std::make_unique<Nodes>(state);
}

}  // namespace latchkey::memory
