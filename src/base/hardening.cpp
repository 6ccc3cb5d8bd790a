#include "base/hardening.h"

#include <cerrno>
#include <system_error>

#include <sys/prctl.h>
#include <sys/resource.h>

namespace latchkey {
namespace {

Error refused(const char* what) {
    return Error{Fault::misconfigured, "hardening_refused",
                 std::string{what} + " was refused by the kernel (" +
                     std::generic_category().message(errno) +
                     "). Start latchkey where it may turn core dumps off."};
}

}  // namespace

Result<void> forbid_memory_dumps() {
    // Both limits: with the hard one left open, the process could be talked into raising it again.
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0) return refused("setrlimit(RLIMIT_CORE)");
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return refused("prctl(PR_SET_DUMPABLE)");
    return {};
}

}  // namespace latchkey
