#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "net/relay_bench.h"
#include "net/server_bench.h"

using namespace latchkey;
using namespace latchkey::test;

namespace {

/// Long or short, and of no two numbers alike.
std::string body_of(int number) {
    const auto mark = std::to_string(number) + ",";
    const auto size = static_cast<std::size_t>(number * 7919 % 40'000);
    std::string body;
    while (body.size() <= size) body += mark;
    return body;
}

bool upstream_breaks(int number) {
    return number % 17 == 3;
}
bool caller_gives_up(int number) {
    return number % 13 == 5;
}

/// "/17" is answered with the body of 17, sooner or later, and sometimes with only a part of it.
Async<Reply> answer(ServedRequest request) {
    const int number = std::stoi(request.target.substr(1));
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>, Executor>
        timer{co_await boost::asio::this_coro::executor};
    timer.expires_after(std::chrono::milliseconds{number * 31 % 7});
    boost::system::error_code ignored;
    co_await timer.async_wait(boost::asio::redirect_error(use_task, ignored));
    Reply reply{200, {}, body_of(number)};
    if (upstream_breaks(number)) reply.cut_at = 60 + reply.body.size() / 2;
    co_return reply;
}

struct Got {
    int status = 0;
    std::string body;
    bool whole = false;
};

Got read_one(RawSocket& line) {
    Got got;
    auto all = line.read_until("\r\n\r\n");
    const auto end = all.find("\r\n\r\n");
    const auto length = all.find("Content-Length: ");
    if (end == std::string::npos || length > end) return got;
    got.status = status(all);
    const auto size = std::stoul(all.substr(length + 16));
    got.body = all.substr(end + 4);
    got.body += read_exactly(line, size - got.body.size());
    got.whole = got.body.size() == size;
    return got;
}

}  // namespace

TEST_CASE("G16: a thousand interleaved callers each get their own answer, or none, byte for byte") {
    ServerBench upstream;
    upstream.handler = answer;
    RelayBench bench{RelayLimits{}, ServerLimits{}, upstream.port};
    constexpr int lines = 100;
    constexpr int rounds = 10;
    std::vector<std::optional<RawSocket>> callers(lines);
    int own = 0;
    int broken = 0;
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < lines; ++i) {
            auto& line = callers[static_cast<std::size_t>(i)];
            if (!line) line.emplace(bench.caller());
            line->send("GET /r/" + std::to_string(round * lines + i) + " HTTP/1.1\r\n" + host +
                       "\r\n");
        }
        // In another order than they were asked in.
        for (int i = lines; i-- > 0;) {
            const int number = round * lines + i;
            auto& line = callers[static_cast<std::size_t>(i)];
            if (caller_gives_up(number)) {
                line->reset();
                line.reset();
                continue;
            }
            const auto got = read_one(*line);
            const auto wanted = body_of(number);
            if (!upstream_breaks(number)) {
                CHECK(got.status == 200);
                CHECK(got.whole);
                CHECK((got.body == wanted));
                ++own;
                continue;
            }
            // What came before the cut is of this answer, and is not passed off as all of it.
            const bool cut = got.status == 200 && !got.whole && wanted.starts_with(got.body);
            CHECK((cut || got.status == 502 || got.status == 0));
            ++broken;
            line.reset();
        }
    }
    CHECK(own > 800);
    CHECK(broken > 50);
}
