#include "facade/meter_adapter.h"

namespace latchkey {

void MeterAdapter::count(std::string_view name, std::initializer_list<Label> labels) noexcept {
    hand(name, labels, std::nullopt);
}

void MeterAdapter::took(std::string_view name, std::initializer_list<Label> labels,
                        std::chrono::duration<double> time) noexcept {
    hand(name, labels, time.count());
}

void MeterAdapter::hand(std::string_view name, std::initializer_list<Label> labels,
                        std::optional<double> seconds) noexcept {
    if (!to_) return;
    try {
        Measurement measured;
        measured.name = name;
        measured.seconds = seconds;
        measured.labels.reserve(labels.size());
        for (const auto& label : labels) measured.labels.emplace_back(label.name, label.value);
        const std::lock_guard hold{one_at_a_time_};
        to_(measured);
    } catch (...) {
        // As with the log: there is nobody left to tell.
    }
}

}  // namespace latchkey
