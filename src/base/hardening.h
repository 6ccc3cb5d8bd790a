#pragma once

#include <latchkey/error.h>

namespace latchkey {

/// Keeps the memory of this process out of reach: no core file (RLIMIT_CORE 0, soft and hard) and
/// not dumpable, so that other processes of the same user can neither trace it nor read
/// /proc/PID/mem. Cannot be undone. For front doors that own their process, before any secret is
/// read; a library inside somebody else's process leaves this to its host.
///
/// errors  misconfigured  hardening_refused: the kernel said no, as some sandboxes make it
Result<void> forbid_memory_dumps();

}  // namespace latchkey
