#include "facade/key_desk.h"

#include "access/key_gate.h"
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
    if (!allowed) return allowed.error();
    return admit_vend(library, gate);
}

Result<HeldPlace> admit_vend(Latchkey& library, const std::shared_ptr<KeyGate>& gate) {
    if (!gate) return HeldPlace{};
    return KeyGate::enter(gate, RelayDesk::clock(library).steady());
}

}  // namespace latchkey
