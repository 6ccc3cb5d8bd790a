#pragma once

#include <memory>

#include "base/log.h"

namespace latchkey::service {

/// One JSON object a line on standard error, written by a thread of its own: a blocked sink costs
/// records (the oldest of 8,192), never a request.
class JsonLog final : public Log {
public:
    explicit JsonLog(Level least);
    ~JsonLog() override;
    void write(Level level, std::string_view event,
               std::initializer_list<Field> fields) noexcept override;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::service
