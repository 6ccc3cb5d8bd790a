#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/time.h>

#include "base/async.h"

namespace latchkey {

/// One node as it is registered: which start of it (its boot) has the name, and how often that one
/// has shown that it lives.
struct NodeRow {
    NodeId node;
    BootId boot;
    std::int64_t beats = 0;
    bool left = false;  ///< it ended in order; the name is free
    std::string reads;  ///< id of the newest sealing key that this start reads; empty: not told
    bool operator==(const NodeRow&) const = default;
};

/// The nodes that share this database. Two processes with one node id (a cloned machine) would take
/// each other's attempts for their own, so one name belongs to one boot at a time.
///
/// No clock decides whether a boot is alive, neither a node's nor the database's. A newcomer that is
/// refused reads the row again and again on its own steady clock: if `beats` moves, the other one
/// lives; if it stands still for as long as the newcomer has decided to watch, `join` with that row
/// takes the name over, unless it moved at the last moment.
class NodeStore {
public:
    virtual ~NodeStore() = default;

    /// True: nobody else can be there, because the store itself admits one process only (SQLite's
    /// lock). A row that is left over is then a dead one's and may be taken over at once.
    virtual bool alone() const = 0;

    /// Registers a boot under a name that is free, was left in order, or still shows exactly
    /// `silent`. Safe to repeat by the boot that has the name: it keeps its beats.
    /// returns  the row as it is now. errors  conflict node_id_in_use
    virtual Task<NodeRow> join(NodeId node, BootId boot, std::optional<NodeRow> silent,
                               Deadline by) = 0;
    /// One sign of life. errors  conflict node_replaced: another boot has taken the name over, or
    /// this one has left; it must claim nothing more
    virtual Task<void> beat(NodeId node, BootId boot, Deadline by) = 0;
    /// Notes that this start of the node reads every sealing key up to that one. Safe to repeat.
    /// errors  conflict node_replaced
    virtual Task<void> reads(NodeId node, BootId boot, std::string key, Deadline by) = 0;
    /// The end of a boot, in order. Safe to repeat; nothing happens if another has the name.
    virtual Task<void> leave(NodeId node, BootId boot, Deadline by) = 0;
    /// By node, at most 1,000; those that left are among them.
    virtual Task<std::vector<NodeRow>> list(Deadline by) = 0;
};

}  // namespace latchkey
