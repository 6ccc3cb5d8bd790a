#include "base/resolver.h"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include <netdb.h>

#include "base/text.h"
#include "base/watch.h"

namespace latchkey {

namespace {

using Timer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

constexpr int most_lookups = 32;
std::atomic<int> lookups{0};

/// Shared by the coroutine that waits and the thread that looks up. The thread touches the loop
/// only under the mutex and while `waiter` is set, which proves that the loop still exists.
struct Lookup {
    std::mutex mutex;
    Timer* waiter = nullptr;
    bool done = false;
    std::vector<std::string> found;
    std::string why;
};

/// Takes the waiter away on every way out, also when the loop is destroyed with the coroutine.
struct Waiting {
    Waiting(std::shared_ptr<Lookup> to, Timer* timer) : lookup(std::move(to)) {
        lookup->waiter = timer;
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() {
        std::lock_guard hold{lookup->mutex};
        lookup->waiter = nullptr;
    }
    std::shared_ptr<Lookup> lookup;
};

void look_up(const std::string& host, std::vector<std::string>& found, std::string& why) {
    addrinfo wish{};
    wish.ai_family = AF_UNSPEC;
    wish.ai_socktype = SOCK_STREAM;
    addrinfo* first = nullptr;
    const int outcome = ::getaddrinfo(host.c_str(), nullptr, &wish, &first);
    if (outcome != 0) {
        why = ::gai_strerror(outcome);
        return;
    }
    for (const addrinfo* it = first; it; it = it->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (::getnameinfo(it->ai_addr, it->ai_addrlen, text.data(), text.size(), nullptr, 0,
                          NI_NUMERICHOST) == 0) {
            found.emplace_back(text.data());
        }
    }
    ::freeaddrinfo(first);
}

void wake(const std::shared_ptr<Lookup>& lookup) {
    std::lock_guard hold{lookup->mutex};
    if (lookup->waiter) lookup->waiter->cancel();
}

void run_lookup(std::shared_ptr<Lookup> lookup, std::string host) {
    std::vector<std::string> found;
    std::string why;
    look_up(host, found, why);
    {
        std::lock_guard hold{lookup->mutex};
        lookup->found = std::move(found);
        lookup->why = std::move(why);
        lookup->done = true;
        if (lookup->waiter) {
            boost::asio::post(lookup->waiter->get_executor(), [lookup] { wake(lookup); });
        }
    }
    --lookups;
}

Error unreachable(const std::string& host, const std::string& why) {
    return Error{Fault::try_later, "upstream_unreachable",
                 "The name " + printable(host) + " could not be resolved: " + printable(why) +
                     ". Nothing was sent."};
}

}  // namespace

Task<std::vector<std::string>> SystemResolver::resolve(std::string host, Deadline by) {
    if (++lookups > most_lookups) {
        --lookups;
        co_return unreachable(host, "too many look-ups are under way");
    }
    const Executor on = co_await boost::asio::this_coro::executor;
    auto lookup = std::make_shared<Lookup>();
    Timer timer{on, std::chrono::steady_clock::time_point::max()};
    Waiting waiting{lookup, &timer};
    try {
        std::thread{run_lookup, lookup, host}.detach();
    } catch (const std::system_error&) {
        --lookups;
        co_return unreachable(host, "no thread is left");
    }
    Watch watch{clock_, on};
    watch.at(by.at, [&timer] { timer.cancel(); });
    boost::system::error_code woken;
    if (!watch.fired()) {
        co_await timer.async_wait(boost::asio::redirect_error(use_task, woken));
    }
    watch.stop();

    std::lock_guard hold{lookup->mutex};
    if (!lookup->done || watch.fired()) co_return unreachable(host, "no answer in time");
    if (lookup->found.empty()) co_return unreachable(host, lookup->why);
    co_return std::move(lookup->found);
}

}  // namespace latchkey
