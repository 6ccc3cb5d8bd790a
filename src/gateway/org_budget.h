#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <latchkey/daily_reserve.h>
#include <latchkey/error.h>
#include <latchkey/key_rules.h>
#include <latchkey/time.h>
#include <latchkey/token_set.h>

#include "base/clock.h"

namespace latchkey {

/// The calls that an org has made of those it may make in 24 hours, as Salesforce says it in the line
/// Sforce-Limit-Info of its answers.
struct ApiUsage {
    std::int64_t used = 0;
    std::int64_t limit = 0;
};
inline constexpr std::string_view limit_info_line = "Sforce-Limit-Info";
/// Of "api-usage=18/5000", whatever follows behind a semicolon; nullopt for anything else, and for a
/// limit of 0. source  REST API Developer Guide, "Limit Info Header"
std::optional<ApiUsage> api_usage_in(std::string_view limit_info);

/// Whose calls are counted together: the org's id that an access token begins with; where the token
/// has another form, the host that it is good for, which is one org's own.
std::string org_of(const AccessToken& token);

/// What is left of one org's calls, and who may still use it. Any thread may ask and tell; nobody waits.
///
/// Below a reserve calls of lower priority are refused, so that those of high priority go on. What is
/// known comes from answers alone: when five minutes have brought none, one call is let through to
/// bring news, whatever its priority.
class OrgBudget {
public:
    explicit OrgBudget(DailyReserve reserve) : reserve_(reserve) {}

    /// The value of a line Sforce-Limit-Info. What cannot be read changes nothing.
    void learn(std::string_view limit_info, Clock& clock);

    /// Whether anybody is refused at all: all that a call of an org with enough left costs.
    bool scarce() const { return refuses_.load(std::memory_order_relaxed) != nobody; }
    bool refuses(Priority priority) const;

    /// errors  try_later daily_limit_reserved, with the time until the next call for news
    Result<void> admit(Priority priority, SteadyTime now);

    ApiUsage usage() const;

private:
    enum Refuses : int { nobody, low, low_and_normal };

    const DailyReserve reserve_;
    std::atomic<int> refuses_{nobody};
    std::atomic<std::int64_t> used_{0};
    std::atomic<std::int64_t> limit_{0};
    std::atomic<std::int64_t> good_until_{0};  ///< nanoseconds of the steady clock
};

/// The budgets of all orgs that this node calls.
class OrgBudgets {
public:
    explicit OrgBudgets(DailyReserve reserve) : reserve_(reserve) {}

    /// The same object for as long as it is kept. Of more than `most` orgs those with enough left are
    /// forgotten first.
    std::shared_ptr<OrgBudget> of(const std::string& org);

    struct Shown {
        std::string org;
        ApiUsage usage;
        bool refuses_low = false;
        bool refuses_normal = false;
    };
    /// Those of which something is known, the shortest first, at most `limit`.
    std::vector<Shown> shortest(std::size_t limit) const;
    /// How many refuse calls of that priority.
    std::size_t refusing(Priority priority) const;
    std::size_t size() const;

    static constexpr std::size_t most = 10'000;

private:
    const DailyReserve reserve_;
    mutable std::mutex mutex_;  // held for a look; never on a call's way
    std::unordered_map<std::string, std::shared_ptr<OrgBudget>> orgs_;
};

}  // namespace latchkey
