#include "net/net_transport.h"

#include <map>
#include <mutex>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include <latchkey/secret.h>

#include "net/dialler.h"
#include "net/exchange.h"
#include "net/open_exchange.h"

namespace latchkey {

namespace {

constexpr std::size_t most_idle = 64;  // an origin and loop
constexpr auto longest_idle = std::chrono::seconds{30};

/// Idle connections. The connections of a loop are touched and destroyed only by callers on it.
class Pool {
public:
    /// The youngest connection that is still good; null if there is none.
    std::unique_ptr<Stream> take(Executor on, const Origin& to, SteadyTime now) {
        for (auto stream = pop(on, to, now); stream; stream = pop(on, to, now)) {
            if (!stream->stale()) return stream;
        }
        return nullptr;
    }

    void put(Executor on, const Origin& to, std::unique_ptr<Stream> stream, SteadyTime now) {
        std::vector<Idle> old;  // destroyed after the mutex is free
        std::lock_guard hold{mutex_};
        sweep(on, now, old);
        auto& idle = idle_[key(on, to)];
        if (idle.size() >= most_idle) {
            old.push_back(std::move(idle.front()));
            idle.erase(idle.begin());
        }
        idle.emplace_back(std::move(stream), now);
    }

private:
    struct Idle {
        std::unique_ptr<Stream> stream;
        SteadyTime since;
        Idle(std::unique_ptr<Stream> s, SteadyTime t) : stream(std::move(s)), since(t) {}
    };
    using Key = std::pair<const void*, std::string>;

    static Key key(Executor on, const Origin& to) { return {&on.context(), to.text()}; }

    std::unique_ptr<Stream> pop(Executor on, const Origin& to, SteadyTime now) {
        std::vector<Idle> old;
        std::lock_guard hold{mutex_};
        sweep(on, now, old);
        const auto at = idle_.find(key(on, to));
        if (at == idle_.end()) return nullptr;
        auto stream = std::move(at->second.back().stream);
        at->second.pop_back();
        if (at->second.empty()) idle_.erase(at);
        return stream;
    }

    /// Takes out what this loop has kept for too long. Each list is sorted by age.
    void sweep(Executor on, SteadyTime now, std::vector<Idle>& old) {
        const void* loop = &on.context();
        auto at = idle_.lower_bound(Key{loop, {}});
        while (at != idle_.end() && at->first.first == loop) {
            auto& idle = at->second;
            while (!idle.empty() && now - idle.front().since >= longest_idle) {
                old.push_back(std::move(idle.front()));
                idle.erase(idle.begin());
            }
            at = idle.empty() ? idle_.erase(at) : std::next(at);
        }
    }

    std::mutex mutex_;
    std::map<Key, std::vector<Idle>> idle_;
};

class NetLine final : public Line {
public:
    NetLine(std::unique_ptr<Stream> stream, Origin to, const TransportLimits& limits, Clock& clock)
        : stream_(std::move(stream)), to_(std::move(to)), limits_(limits), clock_(clock) {}

    ~NetLine() override {
        if (!answered_) stream_->reset();
    }

    Task<HttpResponse> send_once(HttpRequest request, SteadyTime send_before,
                                 Deadline by) override {
        if (used_) {
            co_return Error{Fault::internal, "line_used",
                            "A line carries one request. This is a bug of latchkey."};
        }
        used_ = true;
        auto bytes = print_request(to_, request, true);
        wipe(request.body);
        if (!bytes) co_return bytes.error();
        if (stream_->stale()) {
            wipe(*bytes);
            co_return Error{Fault::try_later, "not_sent",
                            "Nothing was sent: the server has closed the connection."};
        }
        const bool head_only = request.method == "HEAD";
        const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        auto answer = co_await exchange(*stream_, clock_, limits_, std::move(*bytes), head_only,
                                        send_before, by);
        co_await boost::asio::this_coro::throw_if_cancelled(throws);
        if (!answer) co_return answer.error();
        answered_ = answer->response.whole;
        co_return std::move(answer->response);
    }

private:
    std::unique_ptr<Stream> stream_;
    const Origin to_;
    const TransportLimits limits_;
    Clock& clock_;
    bool used_ = false;
    bool answered_ = false;
};

}  // namespace

struct NetTransport::Impl {
    Impl(NetOptions o, Clock& c) : options(std::move(o)), clock(c), dialler(options, clock) {}

    NetOptions options;
    Clock& clock;
    Dialler dialler;
    Pool pool;

    Task<std::unique_ptr<Stream>> dial(Origin to, Deadline by) {
        auto socket = co_await dialler.dial(std::move(to), by);
        if (!socket) co_return socket.error();
        std::unique_ptr<Stream> stream = std::move(*socket);
        if (options.wrap) stream = options.wrap(std::move(stream));
        co_return stream;
    }

    Task<HttpResponse> send(Origin to, HttpRequest request, Deadline by) {
        const Executor on = co_await boost::asio::this_coro::executor;
        const bool head_only = request.method == "HEAD";
        auto printed = print_request(to, request, false);
        wipe(request.body);
        if (!printed) co_return printed.error();

        auto idle = pool.take(on, to, clock.steady());
        if (idle) {
            std::string copy = *printed;
            auto answer = co_await exchange(*idle, clock, options.limits, std::move(copy),
                                            head_only, by.at, by);
            const bool again = !answer && answer.error().code == "not_sent";
            if (!again) {
                wipe(*printed);
                co_return keep(on, to, std::move(idle), std::move(answer));
            }
        }
        auto fresh = co_await dial(to, by);
        if (!fresh) {
            wipe(*printed);
            co_return fresh.error();
        }
        auto answer = co_await exchange(**fresh, clock, options.limits, std::move(*printed),
                                        head_only, by.at, by);
        co_return keep(on, to, std::move(*fresh), std::move(answer));
    }

    Task<std::unique_ptr<OpenAnswer>> open(Origin to, HttpRequest request,
                                           std::shared_ptr<const std::string> body, Deadline by) {
        const Executor on = co_await boost::asio::this_coro::executor;
        auto head = print_head(to, request, body ? body->size() : 0, false);
        if (!head) co_return head.error();
        const GiveBack give_back = [this, on, to](std::unique_ptr<Stream> stream) {
            pool.put(on, to, std::move(stream), clock.steady());
        };
        auto idle = pool.take(on, to, clock.steady());
        if (idle) {
            std::string copy = *head;
            auto answer = co_await open_exchange(std::move(idle), clock, options.limits,
                                                 std::move(copy), body, give_back, by);
            const bool again = !answer && answer.error().code == "not_sent";
            if (!again) {
                wipe(*head);
                co_return answer;
            }
        }
        auto fresh = co_await dial(to, by);
        if (!fresh) {
            wipe(*head);
            co_return fresh.error();
        }
        auto answer = co_await open_exchange(std::move(*fresh), clock, options.limits,
                                             std::move(*head), std::move(body), give_back, by);
        co_return answer;
    }

private:
    Result<HttpResponse> keep(Executor on, const Origin& to, std::unique_ptr<Stream> stream,
                              Result<Answer> answer) {
        if (!answer) return answer.error();
        if (answer->reusable) pool.put(on, to, std::move(stream), clock.steady());
        return std::move(answer->response);
    }
};

NetTransport::NetTransport(NetOptions options, Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), clock)) {}

NetTransport::~NetTransport() = default;

Task<std::unique_ptr<Line>> NetTransport::dial(Origin to, Deadline by) {
    const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    auto stream = co_await impl_->dial(to, by);
    co_await boost::asio::this_coro::throw_if_cancelled(throws);
    if (!stream) co_return stream.error();
    std::unique_ptr<Line> line = std::make_unique<NetLine>(std::move(*stream), std::move(to),
                                                           impl_->options.limits, impl_->clock);
    co_return line;
}

Task<std::unique_ptr<OpenAnswer>> NetTransport::open(Origin to, HttpRequest request,
                                                     std::shared_ptr<const std::string> body,
                                                     Deadline by) {
    const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    auto answer = co_await impl_->open(std::move(to), std::move(request), std::move(body), by);
    co_await boost::asio::this_coro::throw_if_cancelled(throws);
    co_return answer;
}

Task<HttpResponse> NetTransport::send(Origin to, HttpRequest request, Deadline by) {
    const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    auto answer = co_await impl_->send(std::move(to), std::move(request), by);
    co_await boost::asio::this_coro::throw_if_cancelled(throws);
    co_return answer;
}

}  // namespace latchkey
