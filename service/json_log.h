#pragma once

#include <cstdint>
#include <memory>

#include "base/log.h"

namespace latchkey::service {

/// One JSON object a line on standard error, written by a thread of its own: a blocked sink costs
/// records (the oldest of 8,192), never a request. At its end it waits two seconds for what is left
/// to be written.
class JsonLog final : public Log {
public:
    explicit JsonLog(Level least);
    ~JsonLog() override;
    void write(Level level, std::string_view event,
               std::initializer_list<Field> fields) noexcept override;

    /// Records that were dropped because they were not written in time. From any thread.
    std::uint64_t dropped() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::service
