#include "bench/refresh/drive.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <random>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace latchkey::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr auto come_back_after = std::chrono::milliseconds{200};
constexpr int rounds_most = 2000;

struct Counts {
    std::map<int, std::size_t> by_status;
    std::vector<double> milliseconds;  ///< of answers with status 200
    std::size_t broken = 0;

    void add(int status, Clock::time_point begun) {
        ++by_status[status];
        if (status == 200)
            milliseconds.push_back(
                std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
    }

    double percentile(double part) const {
        if (milliseconds.empty()) return 0;
        const auto last = static_cast<double>(milliseconds.size() - 1);
        return milliseconds[static_cast<std::size_t>(last * part)];
    }

    bool print(Clock::duration took) {
        std::sort(milliseconds.begin(), milliseconds.end());
        std::cout << "{\"seconds\": " << std::chrono::duration<double>(took).count()
                  << ", \"answers\": {";
        const char* between = "";
        bool good = broken == 0;
        for (const auto& [status, count] : by_status) {
            std::cout << between << '"' << status << "\": " << count;
            between = ", ";
            good = good && (status == 200 || status == 429 || status == 503);
        }
        std::cout << "}, \"broken\": " << broken << ", \"p50_ms\": " << percentile(0.5)
                  << ", \"p99_ms\": " << percentile(0.99) << ", \"most_ms\": " << percentile(1)
                  << "}" << std::endl;
        return good;
    }
};

/// One connection to a node.
class Line {
public:
    explicit Line(asio::io_context& loop) : socket_(loop) {}

    asio::awaitable<void> open(std::string node) {
        const auto colon = node.rfind(':');
        const tcp::endpoint where{asio::ip::make_address(node.substr(0, colon)),
                                  static_cast<std::uint16_t>(std::stoi(node.substr(colon + 1)))};
        co_await socket_.async_connect(where, asio::use_awaitable);
        socket_.set_option(tcp::no_delay{true});
    }

    /// returns the status of the answer, which is read whole
    asio::awaitable<int> ask(std::string request) {
        co_await asio::async_write(socket_, asio::buffer(request), asio::use_awaitable);
        const auto head = co_await asio::async_read_until(socket_, asio::dynamic_buffer(read_),
                                                          "\r\n\r\n", asio::use_awaitable);
        const int status = std::stoi(read_.substr(9, 3));
        const auto place = read_.find("Content-Length: ");
        const std::size_t length =
            place < head ? static_cast<std::size_t>(std::stoul(read_.substr(place + 16))) : 0;
        if (read_.size() < head + length)
            co_await asio::async_read(socket_, asio::dynamic_buffer(read_),
                                      asio::transfer_exactly(head + length - read_.size()),
                                      asio::use_awaitable);
        read_.erase(0, head + length);
        co_return status;
    }

private:
    tcp::socket socket_;
    std::string read_;
};

struct Course {
    Course(const Drive& d) : what(d), start(loop) {}

    std::string request(const std::string& node, const std::string& connection) const {
        return "GET " + what.prefix + connection + what.suffix + " HTTP/1.1\r\nHost: " + node +
               "\r\nAuthorization: Bearer " + std::string{what.key.reveal()} + "\r\n\r\n";
    }

    const Drive& what;
    asio::io_context loop{1};
    asio::steady_timer start;  ///< never due; cancelling it starts everybody
    std::size_t ready = 0;
    Clock::time_point begun{};
    Counts counts;
};

/// What a node is still to be asked for.
struct Queue {
    std::deque<std::string> waiting;
    std::deque<std::string> later;
};

asio::awaitable<void> caller(Course& course, std::string node, std::shared_ptr<Queue> queue) {
    Line line{course.loop};
    co_await line.open(node);
    for (int round = 0; round < rounds_most;) {
        if (queue->waiting.empty()) {
            if (queue->later.empty()) co_return;
            asio::steady_timer pause{course.loop, come_back_after};
            co_await pause.async_wait(asio::use_awaitable);
            std::swap(queue->waiting, queue->later);
            ++round;
            continue;
        }
        auto connection = std::move(queue->waiting.front());
        queue->waiting.pop_front();
        const auto begun = Clock::now();
        const int status = co_await line.ask(course.request(node, connection));
        course.counts.add(status, begun);
        if (status == 429 || status == 503) queue->later.push_back(std::move(connection));
    }
}

constexpr auto longest_gathering = std::chrono::seconds{60};

asio::awaitable<void> hot_caller(Course& course, std::string node) {
    Line line{course.loop};
    co_await line.open(node);
    if (++course.ready == course.what.callers) {
        course.begun = Clock::now();
        course.start.cancel();
    } else {
        co_await course.start.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    const int status = co_await line.ask(course.request(node, course.what.connections.front()));
    course.counts.add(status, course.begun);
}

auto note_broken(Course& course) {
    return [&course](const std::exception_ptr& thrown) {
        if (!thrown) return;
        ++course.counts.broken;
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& why) {
            if (course.counts.broken < 5) std::cerr << "a caller broke off: " << why.what() << '\n';
        }
    };
}

}  // namespace

bool drive_each(const Drive& what) {
    Course course{what};
    std::mt19937 order{1};
    for (const auto& node : what.nodes) {
        auto mine = what.connections;
        std::shuffle(mine.begin(), mine.end(), order);
        auto queue = std::make_shared<Queue>();
        queue->waiting.assign(mine.begin(), mine.end());
        for (std::size_t i = 0; i < what.callers; ++i)
            asio::co_spawn(course.loop, caller(course, node, queue), note_broken(course));
    }
    course.begun = Clock::now();
    course.loop.run();
    return course.counts.print(Clock::now() - course.begun);
}

bool drive_hot(const Drive& what) {
    Course course{what};
    course.start.expires_after(longest_gathering);  // whoever could not connect is not waited for
    for (std::size_t i = 0; i < what.callers; ++i)
        asio::co_spawn(course.loop, hot_caller(course, what.nodes[i % what.nodes.size()]),
                       note_broken(course));
    course.loop.run();
    return course.counts.print(Clock::now() - course.begun);
}

}  // namespace latchkey::bench
