#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include <latchkey/ids.h>

#include "base/async.h"
#include "base/clock.h"
#include "refresh/coalescer.h"
#include "vault/vault.h"

namespace latchkey {

/// Ten thousand callers of one connection make a few reads of it, not ten thousand. While one read
/// is under way whoever asks waits for the next, and all who wait share that: nobody is given what
/// was read before he asked. For one loop.
class SharedReads {
public:
    /// Reads one grant; must outlive the owners that are handed to `get`, not this object.
    using Read = std::function<Task<Grant>(ConnectionId, Deadline)>;

    /// `most`: how long a read that is made for several may take.
    SharedReads(boost::asio::io_context& loop, Clock& clock, std::chrono::milliseconds most,
                Read read);

    /// `owner` has this object and lives as long as a read goes on.
    /// errors  those of the read
    ///         try_later storage_unavailable: the shared read did not end in time
    Task<Grant> get(std::shared_ptr<void> owner, ConnectionId who, Deadline by);

    /// Connections that are being read.
    std::size_t size() const { return turns_.size(); }
    /// Called when the last read under way has ended.
    std::function<void()> on_idle;

private:
    struct Shared {
        std::shared_ptr<Event> done;
        std::optional<Result<Grant>> found;  ///< none: it broke off
    };
    class Turn;

    Async<void> read_for_others(std::shared_ptr<void> owner, ConnectionId who);

    boost::asio::io_context& loop_;
    Clock& clock_;
    std::chrono::milliseconds most_;
    Read read_;
    /// Of each connection that is being read: what those who wait for the next read share, if any.
    std::unordered_map<ConnectionId, std::shared_ptr<Shared>> turns_;
};

}  // namespace latchkey
