#include "service/json_log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <boost/json.hpp>

#include "base/clock.h"
#include "base/text.h"

namespace latchkey::service {
namespace {

constexpr std::size_t most_waiting = 8192;

const char* level_name(Level level) {
    switch (level) {
        case Level::debug:
            return "debug";
        case Level::info:
            return "info";
        case Level::warning:
            return "warning";
        case Level::error:
            return "error";
    }
    return "info";
}

}  // namespace

struct JsonLog::Impl {
    explicit Impl(Level from)
        : least(from), pool(std::make_shared<spdlog::details::thread_pool>(most_waiting, 1)) {
        logger = std::make_shared<spdlog::async_logger>(
            "latchkey", std::make_shared<spdlog::sinks::stderr_sink_mt>(), pool,
            spdlog::async_overflow_policy::overrun_oldest);
        logger->set_pattern("%v");
        logger->set_level(spdlog::level::trace);
        logger->flush_on(spdlog::level::trace);
    }
    Level least;
    SystemClock clock;
    std::shared_ptr<spdlog::async_logger> logger;
    std::shared_ptr<spdlog::details::thread_pool> pool;  // ends its thread before the sink goes
};

JsonLog::JsonLog(Level least) : impl_(std::make_unique<Impl>(least)) {}
JsonLog::~JsonLog() = default;

void JsonLog::write(Level level, std::string_view event,
                    std::initializer_list<Field> fields) noexcept {
    if (level < impl_->least) return;
    try {
        boost::json::object record{{"time", rfc3339(impl_->clock.wall())},
                                   {"level", level_name(level)},
                                   {"event", printable(event)}};
        for (const auto& field : fields)
            if (!field.name.empty()) record[field.name] = printable(field.value, 1024);
        impl_->logger->info(boost::json::serialize(record));
    } catch (...) {
        // A record that cannot be built is lost; its request must not be.
    }
}

}  // namespace latchkey::service
