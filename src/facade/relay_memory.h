#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "facade/relay_desk.h"
#include "gateway/org_budget.h"

namespace latchkey {

/// How long a relayed call waits for what the library is asked.
inline constexpr std::chrono::seconds relay_patience{60};

// What a RelayDesk remembers of the library's answers: each until a time, and no longer than the count
// of changes stays what it was.

struct RelayDesk::Connected : RelayTarget {
    ConnectionId connection;
    std::shared_ptr<OrgBudget> org;
    Generation generation;
    SteadyTime until;
    std::uint32_t change = 0;
    bool session_line = false;
};

struct RelayDesk::KnownKey {
    Secret key;
    Caller caller;
    SteadyTime until;
    std::uint32_t change = 0;
};

struct RelayDesk::KnownSession {
    Secret token;
    SessionCaller caller;
    SteadyTime until;
    std::uint32_t keys_change = 0;
    std::uint32_t change = 0;
};

struct RelayDesk::KnownToken {
    std::shared_ptr<VendedToken> vended;
    SteadyTime until;
    std::uint32_t change = 0;
};

}  // namespace latchkey
