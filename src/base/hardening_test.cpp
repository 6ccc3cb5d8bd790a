#include "base/hardening.h"

#include <csignal>
#include <cstdlib>

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace latchkey;

namespace {

/// Runs `work` in a child, for what cannot be undone in this process. Returns its wait status.
template <class Work>
int in_child(Work work) {
    const pid_t child = ::fork();
    if (child == 0) {
        work();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

}  // namespace

TEST_CASE("I19: a hardened process cannot be dumped and writes no core") {
    const int status = in_child([] {
        if (!forbid_memory_dumps()) ::_exit(1);
        if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) ::_exit(2);
        rlimit core{1, 1};
        ::getrlimit(RLIMIT_CORE, &core);
        if (core.rlim_cur != 0 || core.rlim_max != 0) ::_exit(3);
    });
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("I19: a hardened process that is aborted leaves no core behind") {
    const int status = in_child([] {
        std::signal(SIGABRT, SIG_DFL);
        if (!forbid_memory_dumps()) ::_exit(1);
        std::abort();
    });
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    CHECK_FALSE(WCOREDUMP(status));
}
