#include "model/grant.h"

#include <array>
#include <utility>

namespace latchkey {
namespace {

constexpr std::array<std::pair<State, const char*>, 6> state_names{{
    {State::active, "ACTIVE"},
    {State::in_flight, "IN_FLIGHT"},
    {State::uncertain, "UNCERTAIN"},
    {State::reauth_required, "REAUTH_REQUIRED"},
    {State::revoking, "REVOKING"},
    {State::revoked, "REVOKED"},
}};

}  // namespace

const char* name(State state) noexcept {
    for (const auto& [value, text] : state_names)
        if (value == state) return text;
    return "ACTIVE";
}

std::optional<State> state_of(std::string_view text) {
    for (const auto& [value, known] : state_names)
        if (text == known) return value;
    return std::nullopt;
}

Standing standing_of(State state, const std::string& quarantine) noexcept {
    // Over is over: a quarantine says nothing about a grant that is being given back.
    if (state == State::revoking) return Standing::revoking;
    if (state == State::revoked) return Standing::revoked;
    if (!quarantine.empty()) return Standing::quarantined;
    switch (state) {
        case State::uncertain:
            return Standing::uncertain;
        case State::reauth_required:
            return Standing::reauth_required;
        default:
            return Standing::active;
    }
}

const char* name(Standing standing) noexcept {
    switch (standing) {
        case Standing::active:
            return "active";
        case Standing::uncertain:
            return "uncertain";
        case Standing::reauth_required:
            return "reauth_required";
        case Standing::quarantined:
            return "quarantined";
        case Standing::revoking:
            return "revoking";
        case Standing::revoked:
            return "revoked";
    }
    return "active";
}

}  // namespace latchkey
