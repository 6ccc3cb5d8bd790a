#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/time.h>

namespace latchkey {

/// Something that happened to a connection and that its app wants to hear of.
struct RecordedEvent {
    std::int64_t number = 0;  ///< growing, never reused
    WallTime at{};
    /// connection.uncertain        the fate of its refresh token is being found out
    /// connection.recovered        it works again, or its user has connected anew
    /// connection.reauth_required  only its user can repair it
    std::string type;
    ConnectionId connection;
    Generation generation;
    std::string reason;  ///< of the state that the connection is in since; may be empty
};

struct EventList {
    std::vector<RecordedEvent> items;  ///< in order
    std::int64_t last = 0;             ///< where the next question goes on
    EventList() = default;
};

}  // namespace latchkey
