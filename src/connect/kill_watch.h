#pragma once

#include <functional>
#include <memory>

#include "connect/connect_flow.h"
#include "model/switch_board.h"

namespace latchkey {

/// Keeps this node's switch board as the store says, and carries out the order to revoke.
///
/// Every node looks once a second, also while it sweeps, so that a switch turned on or off anywhere
/// counts everywhere within 2 s, or, while the store is away, as soon as it is back. An order given to
/// this node counts here at once, whatever the store does, and is stored when it is back, for as long
/// as this process runs. Every node also sweeps: whatever a
/// switch that revokes covers is put on its way to be revoked, page by page. What is on its way is
/// not found again, so a sweep that was killed goes on where it was.
class KillWatch {
public:
    static constexpr std::chrono::seconds every{1};
    /// A switch that was swept is swept again, for what other nodes were about to connect.
    static constexpr std::chrono::seconds sweep_again{30};

    /// `board` must outlive this object; `flipped` is told after it has changed.
    KillWatch(ConnectParts parts, SwitchBoard& board, std::function<void()> flipped);
    ~KillWatch();

    /// One look, without a sweep.
    Task<void> look(Deadline by);
    /// In force on this node in any case, and durable unless the switch says `stored` false.
    /// errors  bad_input invalid_reason · not_found unknown_provider: neither configured nor one that
    ///         any connection has
    Task<KillSwitch> turn_on(KillSwitch wish, Deadline by);
    /// errors  not_found kill_switch_not_found
    Task<void> turn_off(ProviderId provider, Deadline by);

    Async<void> run();
    void stop();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace latchkey
