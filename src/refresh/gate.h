#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <boost/asio/io_context.hpp>

#include "base/async.h"
#include "base/clock.h"
#include "refresh/coalescer.h"

namespace latchkey {

/// How many refreshes a second may begin.
struct Pace {
    double all = 100;     ///< of every kind
    double planned = 10;  ///< of those nobody waits for; part of `all`
};

/// Paces of one process for one provider; an org gets its share of them, so that one with very many
/// users leaves room for the others.
struct Paces {
    Pace provider;
    Pace org;
    /// A setting's `per_second` for the provider: half of it for one org, a tenth for planned
    /// refreshes, a fiftieth for those of one org.
    static Paces of(double per_second);
};

/// After an outage the pace begins with this share of the full one and doubles with every step, so
/// that what has piled up does not arrive at once. Full after 35 s.
inline constexpr double ramp_begin = 0.01;
inline constexpr std::chrono::seconds ramp_step{5};

/// One place where refreshes queue to begin, those that somebody waits for first. What may begin at
/// once after a rest is a quarter of a second's worth: an outage shows after so many, not after all.
/// For one loop.
class Gate : public std::enable_shared_from_this<Gate> {
public:
    Gate(boost::asio::io_context& loop, Clock& clock, std::shared_ptr<Event> stopping, Pace pace);

    /// Waits for its turn. A shut gate holds nobody: the circuit that shut it answers.
    Async<void> pass(bool planned);
    void shut();
    /// Open again after an outage, slowly.
    void reopen(SteadyTime now);

    std::size_t waiting() const { return urgent_.size() + planned_.size(); }
    /// Nobody waits, and the pace is the full one: nothing would be lost with this object.
    bool idle(SteadyTime now);

private:
    struct Bucket {
        double per_second = 1;
        double tokens = 1;
        SteadyTime filled{};
        void fill(SteadyTime now, double share);
        double most(double share) const;
        SteadyTime next(SteadyTime now, double share) const;
    };
    using Line = std::deque<std::shared_ptr<Event>>;

    double share(SteadyTime now) const;
    bool take(bool planned, SteadyTime now);
    void admit(SteadyTime now);
    Async<void> pump(std::shared_ptr<Gate> self);

    boost::asio::io_context& loop_;
    Clock& clock_;
    std::shared_ptr<Event> stopping_;
    Bucket all_;
    Bucket planned_bucket_;
    Line urgent_;
    Line planned_;
    std::optional<SteadyTime> reopened_;
    bool shut_ = false;
    bool pumping_ = false;
};

/// The gates of all providers and orgs, by the key of their circuit.
class Gates {
public:
    Gates(boost::asio::io_context& loop, Clock& clock, std::shared_ptr<Event> stopping);

    /// Waits at the org's gate, then at the provider's.
    Async<void> pass(std::string provider, std::string org, Paces paces, bool planned);
    void shut(const std::string& key);
    void reopen(const std::string& key);
    std::size_t waiting() const;
    /// Drops gates that nothing depends on, so that memory follows the orgs that are busy.
    void prune();

private:
    std::shared_ptr<Gate> gate(const std::string& key, Pace pace);

    boost::asio::io_context& loop_;
    Clock& clock_;
    std::shared_ptr<Event> stopping_;
    std::unordered_map<std::string, std::shared_ptr<Gate>> gates_;
};

}  // namespace latchkey
