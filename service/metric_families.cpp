#include "service/metric_families.h"

#include <algorithm>

namespace latchkey::service {
namespace {

using enum MetricKind;

/// A refresh takes a fraction of a second, and 32 s at the most; who waits for one, 60 s.
constexpr std::array<double, 10> of_a_refresh = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
/// A doubt lasts for the quiet period of 60 s, then until Salesforce answers: minutes, or hours.
constexpr std::array<double, 8> of_a_doubt = {60, 65, 90, 120, 300, 900, 3600, 21600};

/// A disk syncs in a millisecond, a spinning or a busy one in tens of them; a second is an alarm.
constexpr std::array<double, 10> of_a_sync = {0.001, 0.0025, 0.005, 0.01, 0.025,
                                              0.05,  0.1,    0.25,  1,    5};

constexpr std::array families = {
    MetricFamily{"http_requests_total",
                 counter,
                 "Requests answered, by route and status.",
                 {"route", "status"}},
    MetricFamily{"events_total", counter, "Records of the log, by event.", {"event"}},
    MetricFamily{"log_records_dropped_total", counter,
                 "Records of the log that were dropped because nobody took them in time."},
    MetricFamily{"callers_turned_away_total", counter,
                 "Connections closed at once, because too many of their address said nothing."},

    MetricFamily{
        "key_refusals_total",
        counter,
        "Calls and tokens refused for an API key's rules and limits, or its org's reserve.",
        {"code"}},

    MetricFamily{"refresh_attempts_total",
                 counter,
                 "Refreshes begun, by what came of them and, of refusals, by code.",
                 {"provider", "result", "code"}},
    MetricFamily{"refresh_seconds",
                 histogram,
                 "From the claim of a refresh token to its settled outcome.",
                 {"provider"},
                 of_a_refresh},
    MetricFamily{"refresh_waits_total",
                 counter,
                 "Callers that waited for a refresh, by how the waiting ended.",
                 {"provider", "end"}},
    MetricFamily{"refresh_wait_seconds",
                 histogram,
                 "How long callers waited for a refresh.",
                 {"provider"},
                 of_a_refresh},
    MetricFamily{"refresh_shared_total",
                 counter,
                 "Callers that were given the outcome of a refresh that another caller had begun.",
                 {"provider"}},
    MetricFamily{"refresh_takeovers_total",
                 counter,
                 "Attempts of a silent process that were put in doubt.",
                 {"provider"}},
    MetricFamily{"resolutions_total",
                 counter,
                 "Doubts about a refresh token that came to an end, by finding.",
                 {"provider", "finding"}},
    MetricFamily{"resolution_seconds",
                 histogram,
                 "From the moment a process saw a connection in doubt to its resolution.",
                 {"provider"},
                 of_a_doubt},
    MetricFamily{"second_uses_total",
                 counter,
                 "Refresh tokens presented once more, on record, under the policy wait.",
                 {"provider"}},
    MetricFamily{"planned_refreshes_total",
                 counter,
                 "Refreshes that nobody asked for, by why they were planned and what came of them.",
                 {"provider", "why", "result"}},
    MetricFamily{"journal_write_seconds",
                 histogram,
                 "How long the journal took to have answers on the disk; those that came together "
                 "share a write.",
                 {},
                 of_a_sync},
    MetricFamily{"journal_replays_total",
                 counter,
                 "Journalled answers that the store lacked at the start, by what was done.",
                 {"result"}},

    MetricFamily{"ready", gauge, "1 if work may be sent to this process."},
    MetricFamily{"connections",
                 gauge,
                 "Connections in the store, by standing and reason; counted once a minute at most.",
                 {"standing", "reason"}},
    MetricFamily{
        "kill_switches_on", gauge,
        "Kill switches that this node knows to be on; each stops a provider's connections, "
        "or all."},
    MetricFamily{"connections_suspect", gauge,
                 "Active connections to be confirmed with Salesforce before their next refresh."},
    MetricFamily{"connections_in_doubt", gauge,
                 "Connections whose refresh token this process is finding out about."},
    MetricFamily{"refreshes_under_way", gauge, "Refreshes and resolutions under way."},
    MetricFamily{"refreshes_waiting", gauge, "Refreshes that wait for their turn."},
    MetricFamily{"refresh_circuits_open",
                 gauge,
                 "Providers, and orgs of a provider, whose refreshes are paused.",
                 {"provider", "scope"}},
    MetricFamily{"orgs_refusing_calls",
                 gauge,
                 "Orgs whose daily API calls run short, so that those of such keys are refused.",
                 {"priority"}},
    MetricFamily{"journal_answers",
                 gauge,
                 "Answers in the journal: open ones are not known to be in the store yet.",
                 {"state"}},
    MetricFamily{"journal_bytes", gauge, "Bytes of all answers in the journal."},
    MetricFamily{"journal_disk_failed", gauge,
                 "1 if the journal's disk failed at a write or a sync since the start."},
    MetricFamily{"journal_damage_set_aside", gauge,
                 "Files of damage that a repair has left in the journal's directory."},
    MetricFamily{"journal_unknown_entries", gauge,
                 "Entries of the journal that a later version wrote."},
    MetricFamily{"forecast_connections",
                 gauge,
                 "Active connections, by what will happen to them by itself and within what time.",
                 {"what", "within"}},
    MetricFamily{"forecast_age_seconds", gauge, "How old the forecast is."},
};

}  // namespace

std::span<const MetricFamily> metric_families() {
    return families;
}

const MetricFamily* metric_family(std::string_view name) {
    const auto found = std::ranges::find(families, name, &MetricFamily::name);
    return found == families.end() ? nullptr : &*found;
}

}  // namespace latchkey::service
