#pragma once

#include <functional>
#include <mutex>
#include <utility>

#include <latchkey/options.h>

#include "base/log.h"

namespace latchkey {

/// Hands records to the function of Options, one at a time, whichever thread they come from. What
/// the function throws is dropped: a log must not end the work it tells about.
class LogAdapter final : public Log {
public:
    explicit LogAdapter(std::function<void(const LogRecord&)> to) : to_(std::move(to)) {}
    void write(Level level, std::string_view event,
               std::initializer_list<Field> fields) noexcept override;

private:
    std::mutex one_at_a_time_;
    std::function<void(const LogRecord&)> to_;
};

}  // namespace latchkey
