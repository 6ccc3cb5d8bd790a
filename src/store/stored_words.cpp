#include "store/stored_words.h"

#include <array>
#include <utility>

namespace latchkey::stored {
namespace {

constexpr std::array<std::pair<FlowState, const char*>, 6> flow_states{{
    {FlowState::open, "open"},
    {FlowState::started, "started"},
    {FlowState::returned, "returned"},
    {FlowState::exchanging, "exchanging"},
    {FlowState::done, "done"},
    {FlowState::failed, "failed"},
}};

}  // namespace

const char* word(Role role) {
    switch (role) {
        case Role::candidate:
            return "candidate";
        case Role::current:
            return "current";
        case Role::former:
            return "former";
    }
    return "former";
}

Role role_of(std::string_view word) {
    if (word == "current") return Role::current;
    return word == "candidate" ? Role::candidate : Role::former;
}

const char* word(FlowState state) {
    for (const auto& [value, text] : flow_states)
        if (value == state) return text;
    return "failed";
}

FlowState flow_state_of(std::string_view word) {
    for (const auto& [value, known] : flow_states)
        if (word == known) return value;
    return FlowState::failed;
}

KeyStage key_stage_of(std::string_view word) {
    return word == name(KeyStage::in_use) ? KeyStage::in_use : KeyStage::announced;
}

EventKind event_kind_of(std::string_view word) {
    for (const auto kind : {EventKind::reauth_required, EventKind::recovered})
        if (word == name(kind)) return kind;
    return EventKind::uncertain;
}

}  // namespace latchkey::stored
