#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <latchkey/latchkey.h>

namespace latchkey {

/// An org's API calls of 24 hours, as Salesforce's answers to calls of this process said last.
struct OrgUsage {
    std::string org;  ///< its id, or its host where tokens do not tell the id
    std::int64_t used = 0;
    std::int64_t limit = 0;
    bool refuses_low = false;  ///< calls of API keys with that priority
    bool refuses_normal = false;
};

/// The orgs with the smallest share left, at most `limit`. From any thread.
std::vector<OrgUsage> short_orgs(Latchkey& library, std::size_t limit);
/// In how many orgs calls of that priority are refused.
std::size_t orgs_refusing(Latchkey& library, Priority priority);

/// Whether the org of a connection has calls left for a key of this priority; for calls of the front
/// door's own making. `gate` is a caller's; null: normal priority. May be awaited on any loop.
/// errors  try_later daily_limit_reserved · those of Latchkey::async_token
Task<void> admit_to_org(Latchkey& library, std::shared_ptr<KeyGate> gate, ConnectionId connection,
                        Deadline by);

}  // namespace latchkey
