#include "refresh/keep_alive.h"

#include <cstdint>
#include <string_view>

namespace latchkey::keep_alive {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr hours day{24};

/// FNV-1a with a final mix: spreads names that differ in one letter over the whole range, and is the
/// same in every process.
std::uint64_t spread(std::string_view name, std::int64_t number) {
    std::uint64_t hash = 14695981039346656037ull;
    const auto put = [&](unsigned char byte) { hash = (hash ^ byte) * 1099511628211ull; };
    for (const char c : name) put(static_cast<unsigned char>(c));
    for (int i = 0; i < 8; ++i) put(static_cast<unsigned char>(number >> (8 * i)));
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdull;
    hash ^= hash >> 33;
    return hash;
}

}  // namespace

WallTime last_use(const GrantRow& row) {
    return row.access_received_at;
}

WallTime touch_at(const GrantRow& row, const PlanTimes& times) {
    const auto window = std::chrono::duration_cast<seconds>(times.idle_last - times.idle_first);
    // The generation is part of it, so that a grant does not have the same lot every time.
    const auto lot = spread(row.key.connection.text, row.generation.value);
    const auto within = static_cast<std::int64_t>(lot % static_cast<std::uint64_t>(window.count()));
    return last_use(row) + times.idle_first + seconds{within};
}

void add(Forecast& into, const GrantRow& row, const PlanTimes& times) {
    if (row.role != Role::current || row.state != State::active) return;
    ++into.connections;
    const auto now = into.made_at;
    if (row.access_expires_at && *row.access_expires_at >= now &&
        *row.access_expires_at < now + hours{1})
        ++into.access_end_in_1h;
    if (!row.refresh_token) {
        ++into.without_refresh_token;
        return;
    }
    const auto end = last_use(row) + times.idle_end;
    if (end < now + day) ++into.idle_end_in_1d;
    if (end < now + 7 * day) ++into.idle_end_in_7d;
    if (end < now + 16 * day) ++into.idle_end_in_16d;
    const auto touch = touch_at(row, times);
    if (touch < now + day) ++into.keep_alive_in_1d;
    if (touch < now + 7 * day) ++into.keep_alive_in_7d;
}

}  // namespace latchkey::keep_alive
