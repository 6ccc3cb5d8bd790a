#include <algorithm>

#include "store/memory/memory_state.h"

namespace latchkey::memory {
namespace {

class Events final : public EventStore {
public:
    explicit Events(Contents& state) : state_(state) {}

    Task<std::vector<ConnectionEvent>> read(std::int64_t after, std::size_t limit,
                                            Deadline by) override {
        return gate<std::vector<ConnectionEvent>>(
            &state_, "events.read", by,
            [this, after, limit]() -> Result<std::vector<ConnectionEvent>> {
                std::vector<ConnectionEvent> found;
                for (const auto& event : state_.events) {
                    if (found.size() == std::min(limit, most_events_read)) break;
                    if (event.number > after) found.push_back(event);
                }
                return found;
            });
    }

    Task<std::size_t> prune(WallTime before, Deadline by) override {
        return gate<std::size_t>(
            &state_, "events.prune", by, [this, before]() -> Result<std::size_t> {
                return std::erase_if(
                    state_.events, [&](const ConnectionEvent& event) { return event.at < before; });
            });
    }

private:
    Contents& state_;
};

}  // namespace

std::unique_ptr<EventStore> make_events(Contents& state) {
    return std::make_unique<Events>(state);
}

}  // namespace latchkey::memory
