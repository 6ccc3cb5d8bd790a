#include "gateway/org_budget.h"

#include <algorithm>
#include <charconv>

#include "base/origin.h"

namespace latchkey {
namespace {

constexpr std::chrono::minutes news_after{5};
constexpr std::size_t short_org_id = 15;
constexpr std::size_t long_org_id = 18;

std::int64_t ns_of(std::chrono::nanoseconds time) {
    return time.count();
}
std::int64_t ns_of(SteadyTime now) {
    return ns_of(std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()));
}

/// Digits at the beginning of `text`, which loses them.
std::optional<std::int64_t> take_number(std::string_view& text) {
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc{} || value < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    return value;
}

bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Whether less than `percent` of the limit is left. In floating point, for limits may be large.
bool below(const ApiUsage& usage, int percent) {
    const auto left = static_cast<double>(usage.limit - usage.used);
    return percent > 0 && left * 100 < static_cast<double>(usage.limit) * percent;
}

}  // namespace

std::optional<ApiUsage> api_usage_in(std::string_view info) {
    constexpr std::string_view name = "api-usage=";
    if (!info.starts_with(name)) return std::nullopt;
    info.remove_prefix(name.size());
    const auto used = take_number(info);
    if (!used || !info.starts_with('/')) return std::nullopt;
    info.remove_prefix(1);
    const auto limit = take_number(info);
    if (!limit || *limit == 0) return std::nullopt;
    if (!info.empty() && info.front() != ';' && info.front() != ' ') return std::nullopt;
    return ApiUsage{*used, *limit};
}

std::string org_of(const AccessToken& token) {
    const auto text = token.token.reveal();
    const auto mark = text.find('!');
    if (text.starts_with("00D") && (mark == short_org_id || mark == long_org_id)) {
        const auto org = text.substr(0, mark);
        // The last three of a long id say the first fifteen again.
        if (std::all_of(org.begin(), org.end(), is_word))
            return std::string{org.substr(0, short_org_id)};
    }
    const auto origin = Origin::parse(token.instance_url);
    return origin ? origin->authority() : std::string{};
}

void OrgBudget::learn(std::string_view limit_info, Clock& clock) {
    const auto usage = api_usage_in(limit_info);
    if (!usage) return;
    used_.store(usage->used, std::memory_order_relaxed);
    limit_.store(usage->limit, std::memory_order_relaxed);
    const auto now = below(*usage, reserve_.from_normal_percent) ? low_and_normal
                     : below(*usage, reserve_.from_low_percent)  ? low
                                                                 : nobody;
    if (now != nobody)
        good_until_.store(ns_of(clock.steady()) + ns_of(news_after), std::memory_order_relaxed);
    refuses_.store(now, std::memory_order_relaxed);
}

bool OrgBudget::refuses(Priority priority) const {
    const auto refused = refuses_.load(std::memory_order_relaxed);
    if (priority == Priority::high || refused == nobody) return false;
    return priority == Priority::low || refused == low_and_normal;
}

Result<void> OrgBudget::admit(Priority priority, SteadyTime now) {
    if (!refuses(priority)) return {};
    const auto at = ns_of(now);
    auto until = good_until_.load(std::memory_order_relaxed);
    // Whoever puts the time off is the one that goes for news.
    if (at >= until && good_until_.compare_exchange_strong(until, at + ns_of(news_after),
                                                           std::memory_order_relaxed))
        return {};
    const auto known = usage();
    Error error{Fault::try_later, "daily_limit_reserved",
                "The org has used " + std::to_string(known.used) + " of its " +
                    std::to_string(known.limit) +
                    " API calls in 24 hours. What is left is reserved for API keys of higher "
                    "priority than \"" +
                    name(priority) + "\"; calls of the last day leave the count hour by hour."};
    const auto wait = std::chrono::nanoseconds{std::max<std::int64_t>(until - at, 0)};
    error.retry_after =
        std::chrono::duration_cast<std::chrono::seconds>(wait) + std::chrono::seconds{1};
    return error;
}

ApiUsage OrgBudget::usage() const {
    return {used_.load(std::memory_order_relaxed), limit_.load(std::memory_order_relaxed)};
}

std::shared_ptr<OrgBudget> OrgBudgets::of(const std::string& org) {
    std::lock_guard hold{mutex_};
    const auto known = orgs_.find(org);
    if (known != orgs_.end()) return known->second;
    if (orgs_.size() >= most)
        std::erase_if(orgs_, [](const auto& entry) {
            return entry.second.use_count() == 1 && !entry.second->scarce();
        });
    auto made = std::make_shared<OrgBudget>(reserve_);
    // Beyond so many, what is learned of an org is forgotten with the connection it was learned on.
    if (orgs_.size() < most) orgs_.emplace(org, made);
    return made;
}

std::vector<OrgBudgets::Shown> OrgBudgets::shortest(std::size_t limit) const {
    std::vector<Shown> shown;
    {
        std::lock_guard hold{mutex_};
        for (const auto& [org, budget] : orgs_) {
            const auto usage = budget->usage();
            if (usage.limit == 0) continue;
            shown.push_back(
                {org, usage, budget->refuses(Priority::low), budget->refuses(Priority::normal)});
        }
    }
    const auto share = [](const Shown& one) {
        return static_cast<double>(one.usage.used) / static_cast<double>(one.usage.limit);
    };
    const auto before = [&](const Shown& a, const Shown& b) {
        return share(a) != share(b) ? share(a) > share(b) : a.org < b.org;
    };
    const auto kept = std::min(limit, shown.size());
    std::partial_sort(shown.begin(), shown.begin() + static_cast<std::ptrdiff_t>(kept), shown.end(),
                      before);
    shown.resize(kept);
    return shown;
}

std::size_t OrgBudgets::refusing(Priority priority) const {
    std::lock_guard hold{mutex_};
    return static_cast<std::size_t>(
        std::count_if(orgs_.begin(), orgs_.end(),
                      [&](const auto& entry) { return entry.second->refuses(priority); }));
}

std::size_t OrgBudgets::size() const {
    std::lock_guard hold{mutex_};
    return orgs_.size();
}

}  // namespace latchkey
