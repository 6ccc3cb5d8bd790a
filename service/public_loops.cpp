#include "service/public_loops.h"

#include <exception>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include "base/quiet_thread.h"
#include "base/text.h"
#include "net/relay.h"

namespace latchkey::service {

struct PublicLoops::Loop {
    Loop(ServerLimits limits, Handler handler, Latchkey& library, Log& log)
        : policy(std::make_shared<ProxyRelay>(library, log)),
          server(loop, limits, std::move(handler), log) {
        server.relay_with(make_relay(policy, library));
    }
    ~Loop() {
        open.reset();
        loop.stop();
        if (thread.joinable()) thread.join();
    }

    boost::asio::io_context loop{1};
    boost::asio::executor_work_guard<Executor> open{loop.get_executor()};
    std::shared_ptr<ProxyRelay> policy;
    HttpServer server;
    std::thread thread;
};

namespace {

void run(boost::asio::io_context& loop, Log& log) {
    for (;;) {
        try {
            loop.run();
            return;
        } catch (const std::exception& thrown) {
            log.write(Level::error, "unexpected_exception", {{"what", printable(thrown.what())}});
        }
    }
}

Async<void> stop_server(HttpServer* server, Deadline by) {
    co_await server->stop(by);
}

Async<void> close_door(HttpServer* server) {
    server->stop_accepting();
    co_return;
}

}  // namespace

PublicLoops::PublicLoops(boost::asio::io_context& house, Latchkey& library, ServerLimits limits,
                         Handler handler, Log& log)
    : house_(house), library_(library), limits_(limits), handler_(std::move(handler)), log_(log) {}

PublicLoops::~PublicLoops() = default;

Async<Reply> PublicLoops::on_house(PublicLoops* self, ServedRequest request) {
    auto work = self->handler_(std::move(request));
    auto reply = co_await boost::asio::co_spawn(self->house_, std::move(work), use_task);
    co_return reply;
}

Result<void> PublicLoops::add(const HttpServer& first) {
    auto made = std::make_unique<Loop>(
        limits_, [this](ServedRequest request) { return on_house(this, std::move(request)); },
        library_, log_);
    const auto listening = made->server.listen_beside(first);
    if (!listening) return listening.error();
    made->thread = quiet_thread([loop = &made->loop, log = &log_] { run(*loop, *log); });
    loops_.push_back(std::move(made));
    return {};
}

Async<void> PublicLoops::stop(Deadline by) {
    // All of them before the first is waited for: a caller must not be let in to be cut off.
    for (const auto& one : loops_) {
        auto closing = close_door(&one->server);
        co_await boost::asio::co_spawn(one->loop, std::move(closing), use_task);
    }
    for (const auto& one : loops_) {
        auto stopping = stop_server(&one->server, by);
        co_await boost::asio::co_spawn(one->loop, std::move(stopping), use_task);
    }
    loops_.clear();
}

std::uint64_t PublicLoops::count(std::string_view route, int status) const {
    std::uint64_t sum = 0;
    for (const auto& one : loops_) sum += one->policy->count(route, status);
    return sum;
}

std::uint64_t PublicLoops::turned_away() const {
    std::uint64_t sum = 0;
    for (const auto& one : loops_) sum += one->server.turned_away();
    return sum;
}

std::shared_ptr<Relay> make_relay(std::shared_ptr<ProxyRelay> policy, Latchkey& library) {
    return std::make_shared<Relay>(std::move(policy), RelayDesk::net_options(library),
                                   RelayLimits{}, RelayDesk::clock(library));
}

}  // namespace latchkey::service
