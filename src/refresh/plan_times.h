#pragma once

#include <chrono>
#include <cstddef>

namespace latchkey {

/// When refreshes are made although nobody asks for them.
///
/// Salesforce ends a refresh token that was not used for 30 days, and only a refresh uses it. Each
/// grant has its own moment between the 7th and the 14th day, so that a day's logins do not come
/// back as a day's refreshes, and so that an outage of two weeks still loses none.
struct PlanTimes {
    std::chrono::hours idle_first{7 * 24};
    std::chrono::hours idle_last{14 * 24};
    std::chrono::hours idle_end{30 * 24};  ///< Salesforce's own limit
    /// How often idle grants are looked for; each process adds or takes a quarter by chance, so that
    /// two of them rarely look at the same moment.
    std::chrono::minutes sweep_every{60};
    std::chrono::minutes sweep_again{1};  ///< after a sweep that had to leave some
    std::chrono::hours forecast_every{6};
    std::chrono::milliseconds forecast_pause{100};  ///< between its pages of 500

    /// An access token whose end is known, of a connection in use, is replaced this share of its
    /// life before the end, and a random half of that later.
    int lead_of_life = 10;
    std::chrono::seconds lead_most{600};
    /// Shorter lives are left to those who ask: one rotation a minute would not keep up.
    std::chrono::seconds life_least{300};
    std::chrono::milliseconds look_every{1000};

    std::size_t under_way_most = 256;         ///< planned refreshes at once, waiting ones included
    std::size_t under_way_most_of_org = 128;  ///< of one org
};

}  // namespace latchkey
