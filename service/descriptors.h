#pragma once

#include <cstddef>

namespace latchkey::service {

/// How many callers' connections each listener may have at once.
struct ConnectionShares {
    std::size_t each_loop = 0;  ///< of the public listener
    std::size_t operators = 0;
};

/// Divides what a process may open among its listeners. A caller's connection may need another one to
/// Salesforce; beside both stays a reserve for the database, the journal, token requests and whatever
/// else must not fail because many callers came. At most what ServerLimits allows, and never less than
/// a few, however small `descriptors` is.
ConnectionShares share_descriptors(std::size_t descriptors, int loops);

/// Raises this process's soft limit of open descriptors (RLIMIT_NOFILE) to its hard one, as it may
/// without privileges. Returns how many it may open now.
std::size_t raise_descriptor_limit();

}  // namespace latchkey::service
