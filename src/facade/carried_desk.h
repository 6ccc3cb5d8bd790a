#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "access/key_gate.h"
#include "net/head_lines.h"

namespace latchkey {

/// A call that is counted, and that its key's rules let pass if they let pass what it carries.
struct CarrierCall {
    CallPlace place;
    std::shared_ptr<const KeyGate> gate;
    Judged judged;  ///< with a carrier
};

/// Tries a key's rules on each call that such a call carries.
///
/// lines   of the request's head, which say how its body is to be read
/// target  path and query as they will be forwarded
/// body    without framing; nullopt: longer than is held
/// errors  bad_input          composite_unreadable
///         denied             denied_by_rule
///         bad_input, denied  path_not_allowed, method_not_allowed, as for a call by itself
Result<void> judge_carried(const CarrierCall& call, const std::vector<HeadLine>& lines,
                           std::string_view target, std::optional<std::string_view> body);

}  // namespace latchkey
