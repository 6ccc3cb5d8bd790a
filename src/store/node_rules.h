#pragma once

#include <optional>
#include <string>

#include "store/node_store.h"

/// What each call of NodeStore makes of a row, for every adapter. Errors are those of node_store.h.
namespace latchkey::node_rules {

/// `known` is the row under this name, if there is one.
Result<NodeRow> join(std::optional<NodeRow> known, NodeId node, BootId boot,
                     const std::optional<NodeRow>& silent);
Result<NodeRow> reads(std::optional<NodeRow> known, const BootId& boot, std::string key);
Result<NodeRow> beat(std::optional<NodeRow> known, const BootId& boot);

}  // namespace latchkey::node_rules
