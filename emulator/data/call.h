#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "emulator/data/data_api.h"

namespace latchkey::emulator::rest {

/// One authenticated request below a version's root, taken apart once.
struct Call {
    const ServedRequest& request;
    const Caller& caller;
    WallTime now;
    int version;                    ///< 68 for v68.0
    std::string base;               ///< "/services/data/v68.0"
    std::string method;             ///< after _HttpMethod; HEAD is GET
    std::vector<std::string> path;  ///< decoded segments below the base, without empty ones
    FormFields params;

    /// The first value of a parameter.
    std::optional<std::string> param(std::string_view name) const {
        for (const auto& [key, value] : params) {
            if (key == name) return value;
        }
        return std::nullopt;
    }
};

}  // namespace latchkey::emulator::rest
