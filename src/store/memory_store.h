#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "store/limits.h"
#include "store/session_store.h"
#include "store/store.h"

namespace latchkey {

/// A store that forgets everything at its end: for tests, and for trying things out. One loop, no
/// threads. Each call takes at least one turn of the loop, as a real store's would, so callers
/// interleave.
class MemoryStore final : public Store {
public:
    /// Both must outlive this object.
    MemoryStore(Clock& clock, Random& random, StoreLimits limits = {});
    ~MemoryStore() override;

    GrantStore& grants() override;
    FlowStore& flows() override;
    ConnectionIndex& connections() override;
    KeyStore& keys() override;
    ApiKeyStore& api_keys() override;
    SessionStore& sessions() override;
    KillSwitchStore& kill_switches() override;
    EventStore& events() override;
    NodeStore& nodes() override;
    Changes& changes() override;
    Task<void> quiet(Deadline by) override;

    // What a test may do to a store.

    enum class Trouble {
        unavailable,  ///< storage_unavailable, and nothing was changed
        lost_before,  ///< storage_outcome_unknown, and nothing was changed
        lost_after,   ///< storage_outcome_unknown, and the call has taken effect
        silent,       ///< the same, told only when the time for the call is over
        late,         ///< no failure: the call takes effect, told when its time is nearly over
        damaged,      ///< storage_damaged
        read_only,    ///< storage_read_only, and nothing was changed
        unknown,      ///< storage_unknown: another database answers
    };
    /// The next `times` calls of `call` fail so. Calls are named port.method: "grants.claim",
    /// "flows.by_id"; an empty name means every call.
    void fail_next(std::string call, Trouble how, int times = 1);
    /// How often a call was made, failed ones too.
    std::size_t calls(std::string_view call) const;

    /// A new history, as after a restore: every row is suspect from now on.
    Timeline new_timeline();
    /// Every grant, by (connection, epoch).
    std::vector<GrantRow> all_grants() const;
    /// Puts a row in the place of the one with its key, as a restored backup would.
    void overwrite(GrantRow row);
    /// All grants are these now, as after a fail-over that lost commits, or a backup put back.
    void put_back(const std::vector<GrantRow>& rows);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey
