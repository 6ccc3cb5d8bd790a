#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "base/text.h"
#include "net/http_syntax.h"
#include "net/relay.h"
#include "tests/support/raw_socket.h"

namespace latchkey::test {

/// Relays everything below /r to one origin with a numbered token, and takes each 401 for a refusal
/// of the token. Everything is said and seen under a mutex, from the loop's thread and the test's.
class OneTargetPolicy final : public RelayPolicy {
public:
    explicit OneTargetPolicy(std::uint16_t port) : port_(port) {}

    bool relays(std::string_view target) const override { return target.starts_with("/r"); }
    RelayVerdict look(const RequestHead& head) override {
        for (const auto& line : head.lines) {
            if (ascii_iequal(line.name, "Refuse-Me"))
                return Reply{403, {{"Content-Type", "text/plain"}}, "refused"};
        }
        return RelayUndecided{};
    }
    Async<RelayVerdict> decide(const RequestHead& head) override {
        RelayPass pass;
        pass.target = target();
        pass.path = head.target.substr(2);
        for (const auto& line : head.lines)
            pass.shows_body = pass.shows_body || ascii_iequal(line.name, "Show-Body");
        co_return pass;
    }
    /// Minds a body that is too long, or has the word in it.
    std::optional<Reply> look_inside(const RequestHead&, const RelayPass&,
                                     std::optional<std::string_view> body) const override {
        if (!body) return Reply{413, {{"Content-Type", "text/plain"}}, "too long"};
        if (body->find("forbidden") == std::string_view::npos) return std::nullopt;
        return Reply{403, {{"Content-Type", "text/plain"}}, std::string{*body}};
    }
    void append_up(const RequestHead& head, std::string& out) const override {
        for (const auto& line : head.lines)
            if (!ours(line.name)) out.append(line.whole);
    }
    void append_down(const AnswerHead& head, const RelayPass&, std::string& out) const override {
        for (const auto& line : head.lines)
            if (!ours(line.name)) out.append(line.whole);
        out.append("Relayed: yes\r\n");
    }
    bool may_refuse_lines(int status) const override { return status == 401; }
    bool refuses_lines(const AnswerHead&, std::string_view body) const override {
        return body.starts_with("dead");
    }
    Async<RelayVerdict> renew(RelayPass refused) override {
        ++renewals;
        if (!renewable) co_return RelayKeepAnswer{};
        refused.target = target();
        co_return refused;
    }
    void renew_later(const RelayPass&) override { ++later; }
    Reply failed(const Error& error, const RelayPass&) const override {
        const int status = error.code == "answer_late"       ? 504
                           : error.fault == Fault::try_later ? 503
                                                             : 502;
        return Reply{status, {{"Why", error.code}}, error.message};
    }
    void finished(const RelayPass&, int status) override {
        std::lock_guard hold{mutex_};
        finished_.push_back(status);
        told_.notify_all();
    }
    /// What `finished` was told, once it was told so often; a relay tells when it has written.
    std::vector<int> ends(std::size_t times) {
        std::unique_lock hold{mutex_};
        told_.wait_for(hold, std::chrono::seconds{30}, [&] { return finished_.size() >= times; });
        return finished_;
    }

    std::atomic<int> renewals{0};
    std::atomic<int> later{0};
    std::atomic<bool> renewable{true};

private:
    static bool ours(std::string_view name) {
        return is_framing(name) || ascii_iequal(name, "Host") || ascii_iequal(name, "Expect") ||
               ascii_iequal(name, "Authorization");
    }
    std::shared_ptr<const RelayTarget> target() const {
        auto made = std::make_shared<RelayTarget>();
        made->to.tls = false;
        made->to.host = "127.0.0.1";
        made->to.port = port_;
        made->lines = Secret{"Host: up.example\r\nAuthorization: Bearer token-" +
                             std::to_string(renewals.load()) + "\r\n"};
        return made;
    }
    const std::uint16_t port_;
    std::mutex mutex_;
    std::condition_variable told_;
    std::vector<int> finished_;
};

/// A server that relays to a listener of the test, or to another port, on a thread of its own.
class RelayBench {
public:
    explicit RelayBench(RelayLimits limits = {}, ServerLimits server_limits = {},
                        std::uint16_t to = 0)
        : policy(std::make_shared<OneTargetPolicy>(to == 0 ? upstream.port() : to)),
          server_(
              loop_, server_limits,
              [](ServedRequest request) { return handle(std::move(request)); }, log_) {
        NetOptions options;
        Origin origin;
        origin.tls = false;
        origin.host = "127.0.0.1";
        origin.port = to == 0 ? upstream.port() : to;
        options.private_origins.push_back(origin);
        relay_ = std::make_shared<Relay>(policy, std::move(options), limits, clock_);
        server_.relay_with(relay_);
        port = server_.listen("127.0.0.1", 0).value();
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~RelayBench() {
        if (!stopped_) stop(std::chrono::milliseconds{0});
        thread_.join();
    }
    void stop(std::chrono::milliseconds within) {
        stopped_ = true;
        boost::asio::co_spawn(loop_, stop_all(this, within), boost::asio::use_future).get();
    }
    RawSocket caller() const { return RawSocket::connect(port); }

    RawListener upstream;
    std::shared_ptr<OneTargetPolicy> policy;
    std::uint16_t port = 0;

private:
    static Async<Reply> handle(ServedRequest request) {
        Reply reply{200, {{"Handled", "yes"}}, request.target};
        co_return reply;
    }
    static Async<void> stop_all(RelayBench* self, std::chrono::milliseconds within) {
        co_await self->server_.stop(Deadline::in(within));
    }

    NoLog log_;
    SystemClock clock_;
    boost::asio::io_context loop_;
    std::shared_ptr<Relay> relay_;
    HttpServer server_;
    std::thread thread_;
    bool stopped_ = false;
};

// What is sent and looked for.

inline const std::string host = "Host: app.example\r\n";
inline const std::string get = "GET /r/x?y=z HTTP/1.1\r\n" + host + "\r\n";
inline const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
inline int status(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}
/// Reads exactly `bytes`, or what came before the end.
inline std::string read_exactly(RawSocket& socket, std::size_t bytes) {
    std::string all;
    while (all.size() < bytes) {
        const auto some = socket.read();
        if (some.empty()) break;
        all += some;
    }
    return all;
}
/// An answer whose body of known length comes last.
inline std::string read_answer(RawSocket& socket, const std::string& body) {
    return socket.read_until("\r\n\r\n" + body);
}
inline std::string varied(std::size_t bytes) {
    std::string text(bytes, '\0');
    std::uint32_t state = 1;
    for (auto& c : text) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    return text;
}

}  // namespace latchkey::test
