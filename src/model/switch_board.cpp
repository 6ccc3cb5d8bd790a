#include "model/switch_board.h"

#include <algorithm>
#include <utility>

namespace latchkey {

std::optional<Error> SwitchBoard::stops(const ProviderId& provider) const {
    if (!any()) return std::nullopt;
    std::lock_guard hold{mutex_};
    const auto found = std::find_if(on_.begin(), on_.end(),
                                    [&](const KillSwitch& one) { return one.covers(provider); });
    if (found == on_.end()) return std::nullopt;
    Error stopped{
        Fault::try_later, "stopped_by_operator",
        "An operator has stopped all use of " +
            std::string{found->provider.text.empty() ? "every connection"
                                                     : "the connections of this provider"} +
            (found->reason.empty() ? std::string{} : " (" + found->reason + ")") +
            ". It goes on when an operator turns the kill switch off."};
    stopped.retry_after = std::chrono::seconds{60};
    return stopped;
}

bool SwitchBoard::revokes(const ProviderId& provider) const {
    std::lock_guard hold{mutex_};
    return std::any_of(on_.begin(), on_.end(), [&](const KillSwitch& one) {
        return one.provider == provider && one.revokes;
    });
}

bool SwitchBoard::set(std::vector<KillSwitch> on) {
    const auto same = [](const KillSwitch& a, const KillSwitch& b) {
        return a.provider == b.provider && a.reason == b.reason && a.revokes == b.revokes;
    };
    std::lock_guard hold{mutex_};
    const bool news = !std::equal(on_.begin(), on_.end(), on.begin(), on.end(), same);
    on_ = std::move(on);
    any_ = !on_.empty();
    if (news) ++flips_;
    return news;
}

std::vector<KillSwitch> SwitchBoard::on() const {
    std::lock_guard hold{mutex_};
    return on_;
}

const SwitchBoard& SwitchBoard::none() {
    static const SwitchBoard empty;
    return empty;
}

}  // namespace latchkey
