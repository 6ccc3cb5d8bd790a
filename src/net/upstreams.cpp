#include "net/upstreams.h"

#include <algorithm>
#include <utility>

namespace latchkey {

namespace {

constexpr std::size_t most_idle = 128;  // of an origin
constexpr auto longest_idle = std::chrono::seconds{30};
constexpr auto sweep_pause = std::chrono::seconds{5};
constexpr auto a_moment = std::chrono::seconds{1};

}  // namespace

struct Upstreams::Lease::Host {
    struct Idle {
        std::unique_ptr<Socket> socket;
        SteadyTime since;
        Last last;
        Idle(std::unique_ptr<Socket> s, SteadyTime t, Last l)
            : socket(std::move(s)), since(t), last(l) {}

        /// A server that closes for want of work waits longer than a moment, and one that was in use
        /// until now is not worth a system call.
        bool stale(SteadyTime now) const {
            const bool fresh = last == Last::with_body && now - since < a_moment;
            return !(fresh && socket->quiet()) && socket->stale();
        }
    };
    std::deque<Idle> idle;  ///< by age, the youngest behind
    std::size_t in_use = 0;
};

Upstreams::Lease::Lease(std::shared_ptr<Host> host, std::unique_ptr<Socket> socket)
    : host_(std::move(host)), socket_(std::move(socket)) {
    ++host_->in_use;
}

Upstreams::Lease::Lease(Lease&& other) noexcept
    : host_(std::exchange(other.host_, nullptr)), socket_(std::move(other.socket_)) {}

Upstreams::Lease& Upstreams::Lease::operator=(Lease&& other) noexcept {
    if (this != &other) {
        drop();
        host_ = std::exchange(other.host_, nullptr);
        socket_ = std::move(other.socket_);
    }
    return *this;
}

void Upstreams::Lease::drop() {
    if (host_) --host_->in_use;
    host_ = nullptr;
    socket_ = nullptr;
}

Upstreams::Upstreams(const NetOptions& options, std::size_t most_per_origin, Clock& clock)
    : clock_(clock), dialler_(options, clock), most_(most_per_origin) {}

std::shared_ptr<Upstreams::Host> Upstreams::host(const Origin& to) {
    const auto found = hosts_.find(to);
    if (found != hosts_.end()) return found->second;
    return hosts_.emplace(to, std::make_shared<Host>()).first->second;
}

void Upstreams::sweep(SteadyTime now) {
    if (now - swept_ < sweep_pause) return;
    swept_ = now;
    std::erase_if(hosts_, [now](const auto& entry) {
        auto& host = *entry.second;
        while (!host.idle.empty() && now - host.idle.front().since >= longest_idle) {
            host.idle.pop_front();
        }
        return host.in_use == 0 && host.idle.empty();
    });
}

Upstreams::Lease Upstreams::idle(const Origin& to) {
    const auto now = clock_.steady();
    sweep(now);
    auto found = host(to);
    while (!found->idle.empty()) {
        auto candidate = std::move(found->idle.back());
        found->idle.pop_back();
        if (now - candidate.since >= longest_idle || candidate.stale(now)) continue;
        ++reused_;
        return Lease{std::move(found), std::move(candidate.socket)};
    }
    return Lease{};
}

Task<Upstreams::Lease> Upstreams::dial(Origin to, Deadline by) {
    auto found = host(to);
    if (found->in_use >= most_) {
        co_return Error{Fault::try_later, "upstream_busy",
                        "As many calls as are allowed are under way to " + to.text() +
                            ". Nothing was sent; wait for some of them to end."};
    }
    // Counted while it is being made: a slow server must not be dialled without bound.
    Lease lease{found, nullptr};
    auto socket = co_await dialler_.dial(std::move(to), by);
    if (!socket) co_return socket.error();
    ++dialled_;
    lease.socket_ = std::move(*socket);
    co_return lease;
}

void Upstreams::give_back(Lease lease, Last last) {
    auto& idle = lease.host_->idle;
    if (idle.size() >= most_idle) idle.pop_front();
    idle.emplace_back(std::move(lease.socket_), clock_.steady(), last);
}

}  // namespace latchkey
