#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/kill_switch.h>

namespace latchkey {

/// The kill switches that this node knows to be on. One watcher writes it; every room that hands out
/// what a connection can do asks it. Safe from several threads.
class SwitchBoard {
public:
    /// Why nothing is done for connections of this provider; nullopt: go on.
    /// It is try_later stopped_by_operator, with the operator's words.
    std::optional<Error> stops(const ProviderId& provider) const;
    /// Whether the switch of exactly this provider (empty: the one for all) is on and revokes.
    bool revokes(const ProviderId& provider) const;
    bool any() const { return any_.load(); }
    /// Changes whenever the switches do. Whoever has waited compares it, and asks again.
    std::uint32_t flips() const { return flips_.load(); }

    /// True if that is news.
    bool set(std::vector<KillSwitch> on);
    std::vector<KillSwitch> on() const;

    /// One on which nothing is ever on.
    static const SwitchBoard& none();

private:
    mutable std::mutex mutex_;
    std::vector<KillSwitch> on_;
    std::atomic<bool> any_{false};
    std::atomic<std::uint32_t> flips_{0};
};

}  // namespace latchkey
