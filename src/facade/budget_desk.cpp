#include "facade/budget_desk.h"

#include <utility>

#include "access/key_gate.h"
#include "facade/house.h"
#include "facade/relay_desk.h"
#include "gateway/org_budget.h"

namespace latchkey {

std::vector<OrgUsage> short_orgs(Latchkey& library, std::size_t limit) {
    std::vector<OrgUsage> orgs;
    for (auto& one : RelayDesk::house_of(library)->ground().budgets.shortest(limit)) {
        orgs.push_back({std::move(one.org), one.usage.used, one.usage.limit, one.refuses_low,
                        one.refuses_normal});
    }
    return orgs;
}

std::size_t orgs_refusing(Latchkey& library, Priority priority) {
    return RelayDesk::house_of(library)->ground().budgets.refusing(priority);
}

Task<void> admit_to_org(Latchkey& library, std::shared_ptr<KeyGate> gate, ConnectionId connection,
                        Deadline by) {
    const TokenDemand any;
    auto token = co_await library.async_token(std::move(connection), any, by);
    if (!token) co_return token.error();
    const auto house = RelayDesk::house_of(library);
    const auto budget = house->ground().budgets.of(org_of(*token));
    const auto priority = gate ? gate->rules().priority : Priority::normal;
    auto spared = budget->admit(priority, house->ground().clock.steady());
    if (!spared) house->ground().refusals.note(spared.error().code);
    co_return spared;
}

}  // namespace latchkey
