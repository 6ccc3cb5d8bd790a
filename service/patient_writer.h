#pragma once

#include <atomic>
#include <chrono>
#include <string_view>

namespace latchkey::service {

/// Writes text to a descriptor that may be a pipe or a socket nobody reads, on a thread that has
/// nothing else to do. It waits for as long as it takes, until it is told not to.
class PatientWriter {
public:
    explicit PatientWriter(int descriptor) : descriptor_(descriptor) {}

    /// Returns when all of it is written, or cannot be.
    void write(std::string_view text) noexcept;

    /// From then on nothing is waited for: what cannot be written at once is dropped. From any thread.
    void give_up_at(std::chrono::steady_clock::time_point when) noexcept { gives_up_ = when; }

private:
    bool writable() const noexcept;

    const int descriptor_;
    std::atomic<std::chrono::steady_clock::time_point> gives_up_{
        std::chrono::steady_clock::time_point::max()};
};

}  // namespace latchkey::service
