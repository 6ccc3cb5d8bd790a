#include "facade/log_adapter.h"

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace latchkey {

TEST_CASE("a record of the log is printable, whatever somebody put into its values") {
    std::vector<std::string> lines;
    LogAdapter log{[&](const LogRecord& record) {
        std::string line = std::string{record.level} + " " + std::string{record.event};
        for (const auto& [name, value] : record.fields) {
            line += " " + std::string{name} + "=" + std::string{value};
        }
        lines.push_back(line);
    }};
    log.write(
        Level::warning, "browser_mismatch",
        {{"flow", "cs_1"}, {"said", std::string{"a\nb\x1b[31m"}}, {"times", std::int64_t{3}}});
    CHECK(lines == std::vector<std::string>{"warning browser_mismatch flow=cs_1 said=a?b?[31m "
                                            "times=3"});
}

TEST_CASE("records come one at a time from however many threads") {
    int records = 0;  // not atomic: the adapter keeps order
    LogAdapter log{[&](const LogRecord&) { ++records; }};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int j = 0; j < 2000; ++j) log.write(Level::info, "event", {});
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(records == 8000);
}

TEST_CASE("a log that throws, or is not there, does not end the work it tells about") {
    LogAdapter throwing{[](const LogRecord&) { throw std::runtime_error{"disk full"}; }};
    CHECK_NOTHROW(throwing.write(Level::error, "event", {}));
    LogAdapter none{nullptr};
    CHECK_NOTHROW(none.write(Level::error, "event", {}));
}

}  // namespace latchkey
