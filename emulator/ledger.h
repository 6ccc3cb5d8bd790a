#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <latchkey/time.h>

#include "emulator/bounded.h"

namespace latchkey::emulator {

/// What clients really did with their refresh tokens. No client can see or influence it.
struct Tally {
    std::uint64_t refreshes = 0;      ///< that gave an access token
    std::uint64_t reuses = 0;         ///< presentations of a spent token
    std::uint64_t max_in_flight = 0;  ///< uses of one refresh token at once
    std::uint64_t revocations = 0;    ///< ends of grants, whatever the cause
};

/// One presentation of one refresh token. Moments are numbers in the order of events; a wall clock
/// could not tell two of one second apart.
struct TokenUse {
    std::uint64_t number = 0;
    std::string token_tag;  ///< 12 hexadecimal digits of its hash
    std::string grant;      ///< empty: no such token was ever given out
    WallTime arrived_at{};
    std::uint64_t arrived = 0;
    std::optional<std::uint64_t> begun;  ///< absent: not processed
    std::optional<std::uint64_t> ended;
    std::string outcome;              ///< "refreshed", "refused", "fault"; empty: not yet
    std::optional<bool> handed_over;  ///< whether the whole answer went to an open socket
};

/// limits  tallies of 250,000 grants, the last 100,000 uses
class Ledger {
public:
    Ledger();

    /// A refresh token was presented. Returns the use's number, never given twice.
    std::uint64_t arrive(const std::string& token, const std::string& grant, WallTime now);
    void begin(std::uint64_t use);
    void outcome(std::uint64_t use, std::string_view what);
    /// The answer is ready; from here the token is not in flight any more.
    void end(std::uint64_t use);
    void handed_over(std::uint64_t use, bool whole);

    /// Whether two uses present the same token.
    bool same_token(std::uint64_t one, std::uint64_t other);

    void refreshed(const std::string& grant);
    void reused(const std::string& grant);
    void revoked(const std::string& grant);

    const Tally& totals() const { return totals_; }
    Tally of(const std::string& grant) const;
    /// Oldest first.
    const std::deque<TokenUse>& uses() const { return uses_; }
    /// Forgets everything but the numbers already given.
    void clear();

private:
    struct InFlight {
        std::string token;
        std::string grant;
    };
    TokenUse* find(std::uint64_t use);
    Tally& tally(const std::string& grant);

    Tally totals_;
    Bounded<Tally> grants_;
    std::deque<TokenUse> uses_;
    std::unordered_map<std::uint64_t, InFlight> open_;
    std::unordered_map<std::string, std::uint64_t> in_flight_;  ///< by token
    std::uint64_t next_use_ = 1;
    std::uint64_t next_event_ = 1;
};

}  // namespace latchkey::emulator
