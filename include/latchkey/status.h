#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/connection.h>
#include <latchkey/ids.h>
#include <latchkey/time.h>

namespace latchkey {

/// What will end by itself if nothing is done. Counts active connections.
struct Forecast {
    WallTime made_at{};
    std::int64_t connections = 0;  ///< looked at
    /// Salesforce ends a refresh token that nobody has used for 30 days. Grants that would end so
    /// within a day, within a week, and within 16 days: the last should be none, because every grant
    /// is used by its 14th day.
    std::int64_t idle_end_in_1d = 0;
    std::int64_t idle_end_in_7d = 0;
    std::int64_t idle_end_in_16d = 0;
    /// Without a refresh token: over as soon as Salesforce ends the session.
    std::int64_t without_refresh_token = 0;
    /// Access tokens that are known to end within an hour.
    std::int64_t access_end_in_1h = 0;
};

/// Refreshes are paused for a provider, or for one of its orgs, because Salesforce refuses them all
/// or does not answer.
struct OpenCircuit {
    ProviderId provider;
    std::string org_id;  ///< empty: the whole provider
};

/// How many connections stand alike.
struct StandingShare {
    Standing standing = Standing::active;
    std::string reason;
    std::int64_t connections = 0;
};

/// Something that keeps this process from its full work.
struct Hindrance {
    std::string code;
    std::string message;  ///< what is wrong, and what to do
};

/// How the house stands, gathered from all its rooms.
struct Status {
    bool ready = false;                 ///< work may be sent here
    std::vector<Hindrance> hindrances;  ///< of readiness; empty if ready
    std::size_t refreshes_under_way = 0;
    std::size_t refreshes_waiting = 0;  ///< of these, for their turn
    std::size_t connections_in_doubt = 0;
    std::vector<OpenCircuit> open_circuits;
    std::vector<StandingShare> connections;
    std::optional<Forecast> forecast;  ///< absent until the first one is made
    Status() = default;
};

}  // namespace latchkey
