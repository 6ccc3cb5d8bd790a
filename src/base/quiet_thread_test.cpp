#include "base/quiet_thread.h"

#include <pthread.h>

#include <csignal>

#include <doctest/doctest.h>

using namespace latchkey;

namespace {

bool blocked_here(int signal) {
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return sigismember(&now, signal) == 1;
}

}  // namespace

TEST_CASE("a quiet thread gets no signal, and its maker goes on getting them") {
    bool inside = false;
    quiet_thread([&] { inside = blocked_here(SIGTERM) && blocked_here(SIGINT); }).join();
    CHECK(inside);
    CHECK_FALSE(blocked_here(SIGTERM));
}
