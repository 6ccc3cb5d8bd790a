#include "store/node_rules.h"

#include <utility>

#include "store/errors.h"

namespace latchkey::node_rules {

Result<NodeRow> join(std::optional<NodeRow> known, NodeId node, BootId boot,
                     const std::optional<NodeRow>& silent) {
    if (known && known->boot == boot && !known->left) return std::move(*known);
    const bool free = !known || known->left || (silent && *known == *silent);
    if (!free) return store_error::node_id_in_use();
    NodeRow row;
    row.node = std::move(node);
    row.boot = std::move(boot);
    return row;
}

Result<NodeRow> reads(std::optional<NodeRow> known, const BootId& boot, std::string key) {
    if (!known || known->boot != boot || known->left) return store_error::node_replaced();
    known->reads = std::move(key);
    return std::move(*known);
}

Result<NodeRow> beat(std::optional<NodeRow> known, const BootId& boot) {
    if (!known || known->boot != boot || known->left) return store_error::node_replaced();
    ++known->beats;
    return std::move(*known);
}

}  // namespace latchkey::node_rules
