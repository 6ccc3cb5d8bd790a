#include "service/json_log.h"

#include <chrono>

#include <spdlog/async.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "service/patient_writer.h"

namespace latchkey::service {
namespace {

constexpr std::size_t most_waiting = 8192;
constexpr std::chrono::seconds patience_at_the_end{2};

/// Used by the one thread that writes.
class StderrSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    PatientWriter writer{STDERR_FILENO};

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        writer.write({line.data(), line.size()});
    }
    void flush_() override {}
};

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
            "latchkey", sink, pool, spdlog::async_overflow_policy::overrun_oldest);
        logger->set_pattern("%v");
        logger->set_level(spdlog::level::trace);
    }
    /// Without an end to its patience, the pool would wait for a blocked sink for ever.
    ~Impl() { sink->writer.give_up_at(std::chrono::steady_clock::now() + patience_at_the_end); }

    Level least;
    SystemClock clock;
    std::shared_ptr<StderrSink> sink = std::make_shared<StderrSink>();
    std::shared_ptr<spdlog::async_logger> logger;
    std::shared_ptr<spdlog::details::thread_pool> pool;  // ends its thread before the sink goes
};

JsonLog::JsonLog(Level least) : impl_(std::make_unique<Impl>(least)) {}
JsonLog::~JsonLog() = default;

std::uint64_t JsonLog::dropped() const {
    return impl_->pool->overrun_counter();
}

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
