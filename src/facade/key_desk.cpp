#include "facade/key_desk.h"

#include "access/carried_calls.h"
#include "access/key_gate.h"
#include "facade/house.h"
#include "facade/relay_desk.h"
#include "gateway/path_rules.h"

namespace latchkey {

Result<HeldPlace> admit_call(Latchkey& library, const std::shared_ptr<KeyGate>& gate,
                             std::string_view method, std::string_view target) {
    if (!gate) return HeldPlace{};
    // Rules are sound only for what the gateway's own let pass.
    auto plain = check_method(method);
    if (plain) plain = check_target(target);
    if (!plain) return plain.error();
    const auto allowed = gate->judge(method, target);
    if (allowed && allowed->carrier) return composite_unreadable("It is not for this route.");
    if (!allowed) {
        RelayDesk::house_of(library)->ground().refusals.note(allowed.error().code);
        return allowed.error();
    }
    return admit_vend(library, gate);
}

Result<HeldPlace> admit_vend(Latchkey& library, const std::shared_ptr<KeyGate>& gate) {
    if (!gate) return HeldPlace{};
    auto place = KeyGate::enter(gate, RelayDesk::clock(library).steady());
    if (!place) RelayDesk::house_of(library)->ground().refusals.note(place.error().code);
    return place;
}

std::vector<std::pair<std::string_view, std::uint64_t>> key_refusals(Latchkey& library) {
    const auto house = RelayDesk::house_of(library);
    std::vector<std::pair<std::string_view, std::uint64_t>> counts;
    for (std::size_t i = 0; i < RefusalCounts::codes.size(); ++i)
        counts.emplace_back(RefusalCounts::codes[i], house->ground().refusals.of(i));
    return counts;
}

}  // namespace latchkey
