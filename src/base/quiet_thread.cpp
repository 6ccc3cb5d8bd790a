#include "base/quiet_thread.h"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace latchkey {

std::thread quiet_thread(std::function<void()> work) {
    // A new thread has the mask of the one that makes it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread{std::move(work)};
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

}  // namespace latchkey
