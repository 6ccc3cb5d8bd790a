#include "refresh/pacing.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace latchkey {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds pause_first{1000};
constexpr milliseconds pause_most{60000};
constexpr seconds retry_after_most{3600};
constexpr milliseconds circuit_first{5000};
constexpr milliseconds circuit_most{300000};
/// A failure this long after a pause ended starts again with the shortest one.
constexpr milliseconds pause_remembered{300000};

seconds left_until(SteadyTime until, SteadyTime now) {
    return std::max(seconds{1}, std::chrono::ceil<seconds>(until - now));
}

Error with_time_left(Error why, SteadyTime until, SteadyTime now) {
    why.retry_after = left_until(until, now);
    return why;
}

}  // namespace

Pacing::Pacing(const ProtocolTimes& times, Random& random)
    : window_(times.rotate_at_most_every), random_(random) {}

std::optional<seconds> Pacing::too_soon(const ConnectionId& who, bool refused,
                                        SteadyTime now) const {
    const auto found = rotations_.find(who);
    if (found == rotations_.end()) return std::nullopt;
    const auto until = found->second.at + window_;
    if (now >= until) return std::nullopt;
    if (refused && !found->second.again) return std::nullopt;
    return left_until(until, now);
}

void Pacing::rotated(const ConnectionId& who, SteadyTime now) {
    const auto found = rotations_.find(who);
    const bool again = found != rotations_.end() && now < found->second.at + window_;
    rotations_[who] = Rotation{now, again};
}

std::optional<Error> Pacing::held(const ConnectionId& who, SteadyTime now) const {
    const auto found = pauses_.find(who);
    if (found == pauses_.end() || now >= found->second.until) return std::nullopt;
    return with_time_left(found->second.why, found->second.until, now);
}

void Pacing::hold(const ConnectionId& who, const Error& why, SteadyTime now) {
    auto& pause = pauses_[who];
    pause.length = pause.length.count() == 0 ? pause_first : std::min(pause.length * 2, pause_most);
    auto length = jittered(pause.length);
    if (why.retry_after) length = std::clamp(*why.retry_after, seconds{1}, retry_after_most);
    pause.until = now + length;
    pause.why = why;
}

void Pacing::release(const ConnectionId& who) {
    pauses_.erase(who);
}

Result<bool> Pacing::circuit(const std::string& key, SteadyTime now) {
    if (auto open = circuit_open(key, now)) return std::move(*open);
    const auto found = circuits_.find(key);
    if (found == circuits_.end()) return false;
    found->second.probing = true;
    return true;
}

std::optional<Error> Pacing::circuit_open(const std::string& key, SteadyTime now) const {
    const auto found = circuits_.find(key);
    if (found == circuits_.end()) return std::nullopt;
    const auto& circuit = found->second;
    if (now >= circuit.until && !circuit.probing) return std::nullopt;
    return with_time_left(circuit.why, std::max(circuit.until, now), now);
}

bool Pacing::circuit_failed(const std::string& key, const Error& why, SteadyTime now) {
    const auto [found, opened] = circuits_.try_emplace(key);
    auto& circuit = found->second;
    // Attempts that were under way when it opened say nothing new.
    if (!opened && !circuit.probing) return false;
    circuit.length = opened ? circuit_first : std::min(circuit.length * 2, circuit_most);
    auto length = circuit.length;
    if (why.retry_after) length = std::clamp(*why.retry_after, seconds{1}, retry_after_most);
    // Nodes that met the same failure must not probe at the same moment.
    circuit.until = now + length + random_part_of(length / 4);
    circuit.probing = false;
    circuit.why = why;
    return opened;
}

bool Pacing::org_strained(const std::string& key, const Error& why, SteadyTime now) {
    return strained(key, key, row_of_org, 1, why, now);
}

bool Pacing::provider_strained(const std::string& key, const std::string& org, const Error& why,
                               SteadyTime now) {
    return strained(key, org, row_of_provider, orgs_of_row, why, now);
}

bool Pacing::strained(const std::string& key, const std::string& org, int row, std::size_t orgs,
                      const Error& why, SteadyTime now) {
    const auto open = circuits_.find(key);
    if (open != circuits_.end()) return circuit_failed(key, why, now);
    auto& strain = strains_[key];
    ++strain.row;
    strain.last = now;
    if (strain.orgs.size() < orgs_of_row &&
        std::ranges::find(strain.orgs, org) == strain.orgs.end())
        strain.orgs.push_back(org);
    if (strain.row < row || strain.orgs.size() < orgs) return false;
    strains_.erase(key);
    return circuit_failed(key, why, now);
}

void Pacing::answered(const std::string& key) {
    strains_.erase(key);
}

std::vector<Pacing::Open> Pacing::open_circuits() const {
    std::vector<Open> open;
    open.reserve(circuits_.size());
    for (const auto& [key, circuit] : circuits_) open.push_back(Open{key, circuit.why});
    return open;
}

bool Pacing::circuit_worked(const std::string& key) {
    strains_.erase(key);
    return circuits_.erase(key) > 0;
}

void Pacing::circuit_idle(const std::string& key) {
    const auto found = circuits_.find(key);
    if (found != circuits_.end()) found->second.probing = false;
}

void Pacing::prune(SteadyTime now) {
    std::erase_if(rotations_, [&](const auto& r) { return now >= r.second.at + window_; });
    std::erase_if(pauses_, [&](const auto& p) { return now >= p.second.until + pause_remembered; });
    std::erase_if(strains_, [&](const auto& s) { return now >= s.second.last + pause_remembered; });
}

milliseconds Pacing::jittered(milliseconds length) {
    // Half of it is certain, the other half is spread, so that many do not come back at once.
    return length / 2 + random_part_of(length / 2);
}

milliseconds Pacing::random_part_of(milliseconds length) {
    std::array<std::byte, 2> raw{};
    random_.fill(raw);
    const auto share = std::to_integer<std::int64_t>(raw[0]) * 256 + std::to_integer<int>(raw[1]);
    return length * share / 65536;
}

}  // namespace latchkey
