#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/connection.h>
#include <latchkey/error.h>
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
    /// Grants that will be used within a day, and within a week, for no other reason than to keep
    /// them alive, if nobody uses them before.
    std::int64_t keep_alive_in_1d = 0;
    std::int64_t keep_alive_in_7d = 0;
};

/// Refreshes are paused for a provider, or for one of its orgs, because Salesforce refuses them all
/// or does not answer.
struct OpenCircuit {
    ProviderId provider;
    std::string org_id;  ///< empty: the whole provider
    Error why;           ///< what opened it, and who must act
};

/// How many connections stand alike.
struct StandingShare {
    Standing standing = Standing::active;
    std::string reason;
    std::int64_t connections = 0;
};

/// How this process's journal is, which holds answers of Salesforce before anybody reads them. That it
/// cannot take one is a Hindrance; the rest asks for an operator's look.
struct JournalState {
    std::int64_t answers = 0;           ///< that it holds, for 14 days after they are in the store
    std::int64_t open_answers = 0;      ///< of these, not known to be in the store yet
    std::int64_t bytes = 0;             ///< of all answers; no more is taken at 1 GiB
    std::int64_t unknown_entries = 0;   ///< that a later version wrote; kept
    std::int64_t damage_set_aside = 0;  ///< files that a repair has left
    /// Its disk failed at a write or a sync since the start. What it had taken is safe.
    bool disk_failed = false;
};

/// Something that keeps this process from its work.
struct Hindrance {
    enum class Part {
        store,       ///< it does not answer
        journal,     ///< it has no room for an answer, so no refresh can begin
        refreshing,  ///< this process begins no refresh; tokens that are still good are handed out
    };
    Part part = Part::store;
    Error why;  ///< what is wrong, and who must act
};

/// "store", "journal", "refreshing".
const char* name(Hindrance::Part part) noexcept;

/// How the house stands, gathered from all its rooms.
struct Status {
    bool ready() const { return hindrances.empty(); }  ///< work may be sent here

    std::vector<Hindrance> hindrances;
    std::size_t refreshes_under_way = 0;   ///< resolutions of doubts too
    std::size_t refreshes_waiting = 0;     ///< of these, for their turn
    std::size_t connections_in_doubt = 0;  ///< that this process is finding out about
    std::vector<OpenCircuit> open_circuits;
    /// Every connection, by (standing, reason). Counted once a minute at most, so it may be so old;
    /// absent while it cannot be counted.
    std::optional<std::vector<StandingShare>> connections;
    /// Counted with them: active connections about which Salesforce has to be asked before their next
    /// refresh, because the database's history has changed (a fail-over, a restored backup).
    std::optional<std::int64_t> connections_suspect;
    std::size_t kill_switches_on = 0;  ///< that this node knows of
    JournalState journal;
    std::optional<Forecast> forecast;  ///< absent until the first one is made
    Status() = default;
};

}  // namespace latchkey
