#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/ids.h>
#include <latchkey/time.h>

#include "base/random.h"
#include "refresh/protocol_times.h"

namespace latchkey {

/// When a refresh must not be tried: too soon after the last rotation, during a pause after a
/// failure, or while a registration is known to be broken. All of it is forgotten at a restart,
/// which costs one request each. For one loop.
class Pacing {
public:
    /// `random` must outlive this object; it gives the jitter.
    Pacing(const ProtocolTimes& times, Random& random);

    /// How long this connection must wait before it may rotate again; nullopt: it may. A token that
    /// was refused within that time buys one rotation, not two.
    std::optional<std::chrono::seconds> too_soon(const ConnectionId& who, bool refused,
                                                 SteadyTime now) const;
    void rotated(const ConnectionId& who, SteadyTime now);

    /// The failure that holds this connection back, with the time that is left of its pause.
    std::optional<Error> held(const ConnectionId& who, SteadyTime now) const;
    /// Pauses for `why.retry_after` (1 s to 1 h), or for 1 s to 60 s, doubling, with jitter.
    void hold(const ConnectionId& who, const Error& why, SteadyTime now);
    void release(const ConnectionId& who);

    /// A circuit is a provider, or a provider and an org. Open, it answers with the error that
    /// opened it for 5 s to 5 min, or for as long as Salesforce has said, and up to a quarter more;
    /// then one attempt may probe it.
    /// returns true if the caller is that probe
    Result<bool> circuit(const std::string& key, SteadyTime now);
    /// What `circuit` would answer with, without becoming the probe.
    std::optional<Error> circuit_open(const std::string& key, SteadyTime now) const;
    /// returns true if this opened it: one alarm for any number of failures
    bool circuit_failed(const std::string& key, const Error& why, SteadyTime now);
    /// An attempt of this org got no service: a limit, a 5xx, silence, no way there, or an address
    /// that is not let in. One says little; `row_of_org` in a row, or `row_of_provider` in a row of
    /// `orgs_of_row` different orgs, open the circuit.
    /// returns true if this opened it
    bool org_strained(const std::string& key, const Error& why, SteadyTime now);
    bool provider_strained(const std::string& key, const std::string& org, const Error& why,
                           SteadyTime now);
    static constexpr int row_of_org = 5;
    static constexpr int row_of_provider = 10;
    static constexpr std::size_t orgs_of_row = 3;
    /// Salesforce answered for itself, whatever it said: the row of strained attempts is broken.
    void answered(const std::string& key);
    /// returns true if it was open
    bool circuit_worked(const std::string& key);
    /// For the probe alone: it ended without a verdict, so the next attempt probes.
    void circuit_idle(const std::string& key);

    /// The circuits that are open or being probed, and what opened them.
    struct Open {
        std::string key;
        Error why;
    };
    std::vector<Open> open_circuits() const;

    /// Drops what no longer matters, so that memory follows the connections in trouble.
    void prune(SteadyTime now);

private:
    struct Rotation {
        SteadyTime at;
        bool again = false;  ///< it was the second one within the time
    };
    struct Pause {
        SteadyTime until;
        std::chrono::milliseconds length{0};
        Error why;
    };
    struct Circuit {
        SteadyTime until;
        std::chrono::milliseconds length{0};
        bool probing = false;
        Error why;
    };
    struct Strain {
        int row = 0;
        std::vector<std::string> orgs;  ///< different ones of the row, at most orgs_of_row
        SteadyTime last{};
    };
    bool strained(const std::string& key, const std::string& org, int row, std::size_t orgs,
                  const Error& why, SteadyTime now);
    std::chrono::milliseconds jittered(std::chrono::milliseconds length);
    std::chrono::milliseconds random_part_of(std::chrono::milliseconds length);

    std::chrono::milliseconds window_;
    Random& random_;
    std::unordered_map<ConnectionId, Rotation> rotations_;
    std::unordered_map<ConnectionId, Pause> pauses_;
    std::unordered_map<std::string, Circuit> circuits_;
    std::unordered_map<std::string, Strain> strains_;
};

}  // namespace latchkey
