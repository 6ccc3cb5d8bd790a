#pragma once

namespace latchkey {

/// How much of an org's API calls of 24 hours is kept back from API keys of lower priority
/// (key_rules.h), in percent of the org's limit. 0: nothing.
struct DailyReserve {
    int from_low_percent = 10;    ///< with less than this left, calls of low priority are refused
    int from_normal_percent = 2;  ///< those of normal priority too; never those of high
};

}  // namespace latchkey
