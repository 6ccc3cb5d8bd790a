#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include <latchkey/ids.h>

#include "base/clock.h"
#include "base/log.h"
#include "refresh/coalescer.h"
#include "refresh/refresher.h"
#include "store/node_store.h"

namespace latchkey {

/// One start of this node among those that share its database.
struct NodeIdentity {
    NodeId node;
    BootId boot;
    NodeIdentity(NodeId n, BootId b) : node(std::move(n)), boot(std::move(b)) {}
};

/// How often a node shows that it lives, and how long one that shows nothing is watched before its
/// name is taken over: longer than it may still be about to send what it had claimed.
inline constexpr std::chrono::seconds beat_every{5};
inline constexpr std::chrono::seconds silence_of_the_dead{20};
/// What the former start may have claimed at the last moment, it has sent by then, or never will.
inline constexpr std::chrono::seconds last_request{3};

/// Registers this start of the node. Where another start has the name it is watched, which takes up
/// to `silence_of_the_dead`: one sign of life, and this start is refused. A store that admits one
/// process only needs no registration.
/// errors  conflict node_id_in_use
Task<void> join_nodes(NodeStore& nodes, NodeIdentity who, Clock& clock);

/// The signs of life of a registered node, until `stop`.
class Registration {
public:
    /// All must outlive this object.
    Registration(NodeStore& nodes, NodeIdentity who, Clock& clock, Log& log, Refresher& refresher,
                 boost::asio::io_context& loop);

    /// When another start has taken the name, the refresher is told to claim nothing more.
    Async<void> run();
    void stop() { stopping_->set(); }
    /// The last thing a node does: its name is free.
    Async<void> leave();

private:
    NodeStore& nodes_;
    NodeIdentity who_;
    Clock& clock_;
    Log& log_;
    Refresher& refresher_;
    std::shared_ptr<Event> stopping_;
};

}  // namespace latchkey
