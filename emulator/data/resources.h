#pragma once

#include <cstdint>
#include <string_view>

#include "emulator/data/answers.h"
#include "emulator/data/call.h"
#include "emulator/data/records.h"

namespace latchkey::emulator::rest {

/// Summer '14 to Winter '27; 21.0 to 30.0 are retired.
inline constexpr int oldest_version = 31;
inline constexpr int newest_version = 68;
inline constexpr int first_retired_version = 21;

/// 68 for "v68.0"; retired versions too; 0 for anything else.
int version_of(std::string_view segment);

/// API requests of the last day.
struct Usage {
    std::int64_t used = 0;
    std::int64_t limit = 0;
};

/// GET /services/data: the versions, oldest first.
Reply versions_reply();
/// GET /services/data/vXX.0: what is served below it, and the caller's identity URL.
Reply answer_resources(const Call& call);
/// GET limits.
Reply answer_limits(const Call& call, const Usage& usage);
/// GET chatter/users/me.
Reply answer_me(const Call& call, Org& org);

}  // namespace latchkey::emulator::rest
