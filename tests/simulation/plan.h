#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "refresh/protocol_times.h"
#include "tests/simulation/dice.h"

namespace latchkey::simulation {

/// What goes wrong in one run, drawn once from its seed. Each kind is absent from most runs and
/// heavy in some, because faults that are always there hide each other. Shares are per thousand.
struct Plan {
    explicit Plan(std::uint64_t seed);

    std::uint64_t seed;
    Dice dice;  ///< what is left of the seed's chance after the plan

    int nodes = 2;
    int grants = 1;
    std::chrono::seconds trouble{60};       ///< how long faults happen
    std::chrono::milliseconds ask_every{};  ///< between two calls on one node
    int refused = 300;                      ///< share of calls after the API refused the token
    ProtocolTimes times;

    // Nodes.
    std::chrono::milliseconds crash_every{0};  ///< 0: never; likewise below
    int crash_at_point = 0;                    ///< share of starts that are to die at a crash point
    bool power_cuts = false;                   ///< a crash also loses what the disk has not synced
    std::chrono::milliseconds freeze_every{0};
    std::chrono::milliseconds freeze_most{0};
    std::chrono::milliseconds clock_jump_every{0};
    int journal_full = 0;

    // The way to Salesforce, per request.
    std::chrono::milliseconds net_most{40};  ///< one way
    int unreachable = 0;
    int request_lost = 0;
    int request_late = 0;  ///< but within the quiet period
    int answer_lost = 0;
    int answer_late = 0;
    int answer_cut = 0;
    int server_error = 0;  ///< 503 instead of the work, or instead of its answer
    int strange_answer = 0;
    int silence = 500;  ///< of what is lost: no reset either, so the client waits in vain

    // Salesforce.
    int refresh_latency_ms = 0;
    bool rotation = true;
    bool old_access_dies = false;
    std::chrono::milliseconds rotation_switch_every{0};
    std::chrono::milliseconds user_revokes_every{0};
    bool asked = true;    ///< introspection is believed; otherwise the policy settles doubts
    bool reauth = false;  ///< the policy

    // The database.
    std::chrono::milliseconds store_most{4};  ///< one way
    int store_slow = 0;
    int store_unavailable = 0;
    int store_unknown = 0;
    std::chrono::milliseconds outage_every{0};
    std::chrono::milliseconds failover_every{0};
    bool failover_loses = false;  ///< replication is asynchronous
    std::chrono::milliseconds restore_every{0};
    int steps_struck =
        0;  ///< share of the protocol's steps that a fail-over loses right after them

    // The app.
    std::chrono::milliseconds reconnect_every{0};
    std::chrono::milliseconds revoke_every{0};
    bool rush = false;  ///< callers come to all nodes at once, for the same connection

    /// One line, for a person who looks at a failure.
    std::string text() const;
};

}  // namespace latchkey::simulation
