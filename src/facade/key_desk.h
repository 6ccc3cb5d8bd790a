#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <latchkey/latchkey.h>

namespace latchkey {

/// A call's place among those of its key, held for as long as the call is under way.
using HeldPlace = std::shared_ptr<const void>;

/// What a key's rules and limits say to one call of the front door's own making, which is counted
/// from then on; for calls that are relayed, RelayDesk asks. `gate` is a caller's, or null.
///
/// target  path and query as they will be forwarded
/// errors  bad_input, denied  those of RelayDesk::check_call
///         denied     denied_by_rule
///         try_later  rate_limited, too_many_calls
Result<HeldPlace> admit_call(Latchkey& library, const std::shared_ptr<KeyGate>& gate,
                             std::string_view method, std::string_view target);

/// The same of a token that is to be handed out: no path, so limits alone.
Result<HeldPlace> admit_vend(Latchkey& library, const std::shared_ptr<KeyGate>& gate);

/// How often keys were refused so far, by code: for their rules, their limits, or their org's reserve.
/// From any thread.
std::vector<std::pair<std::string_view, std::uint64_t>> key_refusals(Latchkey& library);

}  // namespace latchkey
