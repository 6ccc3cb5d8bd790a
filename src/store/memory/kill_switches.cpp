#include "store/kill_switch_rules.h"
#include "store/memory/memory_state.h"

namespace latchkey::memory {
namespace {

class KillSwitches final : public KillSwitchStore {
public:
    explicit KillSwitches(Contents& state) : state_(state) {}

    Task<std::vector<KillSwitch>> list(Deadline by) override {
        return gate<std::vector<KillSwitch>>(
            &state_, "kill_switches.list", by, [this]() -> Result<std::vector<KillSwitch>> {
                std::vector<KillSwitch> on;
                for (const auto& [provider, one] : state_.kill_switches) on.push_back(one);
                return on;
            });
    }

    Task<KillSwitch> turn_on(KillSwitch wish, Deadline by) override {
        return gate<KillSwitch>(
            &state_, "kill_switches.turn_on", by, [this, wish]() -> Result<KillSwitch> {
                const auto found = state_.kill_switches.find(wish.provider.text);
                if (found == state_.kill_switches.end())
                    state_.kill_switches[wish.provider.text] = wish;
                else
                    found->second = kill_switch_rules::turn_on(found->second, wish);
                return state_.kill_switches[wish.provider.text];
            });
    }

    Task<void> note_swept(ProviderId provider, Deadline by) override {
        return gate<void>(&state_, "kill_switches.note_swept", by,
                          [this, provider]() -> Result<void> {
                              const auto found = state_.kill_switches.find(provider.text);
                              if (found != state_.kill_switches.end())
                                  found->second.swept = found->second.revokes;
                              return {};
                          });
    }

    Task<void> turn_off(ProviderId provider, Deadline by) override {
        return gate<void>(&state_, "kill_switches.turn_off", by,
                          [this, provider]() -> Result<void> {
                              if (state_.kill_switches.erase(provider.text) == 0)
                                  return store_error::no_kill_switch();
                              return {};
                          });
    }

private:
    Contents& state_;
};

}  // namespace

std::unique_ptr<KillSwitchStore> make_kill_switches(Contents& state) {
    return std::make_unique<KillSwitches>(state);
}

}  // namespace latchkey::memory
