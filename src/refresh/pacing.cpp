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
    const auto found = circuits_.find(key);
    if (found == circuits_.end()) return false;
    auto& circuit = found->second;
    if (now < circuit.until || circuit.probing)
        return with_time_left(circuit.why, std::max(circuit.until, now), now);
    circuit.probing = true;
    return true;
}

bool Pacing::circuit_failed(const std::string& key, const Error& why, SteadyTime now) {
    const auto [found, opened] = circuits_.try_emplace(key);
    auto& circuit = found->second;
    // Attempts that were under way when it opened say nothing new.
    if (!opened && !circuit.probing) return false;
    circuit.length = opened ? circuit_first : std::min(circuit.length * 2, circuit_most);
    circuit.until = now + circuit.length;
    circuit.probing = false;
    circuit.why = why;
    return opened;
}

bool Pacing::circuit_worked(const std::string& key) {
    return circuits_.erase(key) > 0;
}

void Pacing::circuit_idle(const std::string& key) {
    const auto found = circuits_.find(key);
    if (found != circuits_.end()) found->second.probing = false;
}

void Pacing::prune(SteadyTime now) {
    std::erase_if(rotations_, [&](const auto& r) { return now >= r.second.at + window_; });
    std::erase_if(pauses_, [&](const auto& p) { return now >= p.second.until + pause_remembered; });
}

milliseconds Pacing::jittered(milliseconds length) {
    std::array<std::byte, 2> raw{};
    random_.fill(raw);
    const auto share = std::to_integer<std::int64_t>(raw[0]) * 256 + std::to_integer<int>(raw[1]);
    // Half of it is certain, the other half is spread, so that many do not come back at once.
    return length / 2 + length * share / (2 * 65536);
}

}  // namespace latchkey
