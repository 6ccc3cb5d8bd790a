#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include <latchkey/options.h>

#include "base/meter.h"

namespace latchkey {

/// Hands numbers to the function of Options, one at a time, whichever thread they come from. What
/// the function throws is dropped: counting must not end the work that is counted.
class MeterAdapter final : public Meter {
public:
    explicit MeterAdapter(std::function<void(const Measurement&)> to) : to_(std::move(to)) {}
    void count(std::string_view name, std::initializer_list<Label> labels) noexcept override;
    void took(std::string_view name, std::initializer_list<Label> labels,
              std::chrono::duration<double> time) noexcept override;

private:
    void hand(std::string_view name, std::initializer_list<Label> labels,
              std::optional<double> seconds) noexcept;

    std::mutex one_at_a_time_;
    std::function<void(const Measurement&)> to_;
};

}  // namespace latchkey
