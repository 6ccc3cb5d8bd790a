#include "service/patient_writer.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace latchkey::service {

/// Waits in short turns, so that it hears soon when to give up. The descriptor itself stays blocking:
/// it is shared with whoever started the process.
bool PatientWriter::writable() const noexcept {
    constexpr int turn_ms = 100;
    for (;;) {
        pollfd wait{descriptor_, POLLOUT, 0};
        const bool over = std::chrono::steady_clock::now() >= gives_up_.load();
        const int found = ::poll(&wait, 1, over ? 0 : turn_ms);
        if (found > 0) return true;
        if (over || (found < 0 && errno != EINTR)) return false;
    }
}

void PatientWriter::write(std::string_view text) noexcept {
    while (!text.empty() && writable()) {
        // A pipe that can be written takes PIPE_BUF bytes without blocking.
        const auto piece = text.substr(0, PIPE_BUF);
        auto written = ::send(descriptor_, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (written < 0 && errno == ENOTSOCK)
            written = ::write(descriptor_, piece.data(), piece.size());
        if (written >= 0)
            text.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR && errno != EAGAIN)
            return;
    }
}

}  // namespace latchkey::service
