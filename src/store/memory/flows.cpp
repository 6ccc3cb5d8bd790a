#include <algorithm>

#include "store/memory/memory_state.h"

namespace latchkey::memory {
namespace {

class Flows final : public FlowStore {
public:
    explicit Flows(Contents& state) : state_(state) {}

    Task<void> insert(FlowRow flow, Deadline by) override {
        return gate<void>(&state_, "flows.insert", by, [this, flow]() -> Result<void> {
            const bool taken = state_.flows.contains(flow.id.text) || find([&](const FlowRow& f) {
                                   return f.link_hash == flow.link_hash;
                               });
            if (taken) return store_error::flow_exists();
            const auto now = state_.clock.wall();
            const auto open =
                std::count_if(state_.flows.begin(), state_.flows.end(),
                              [&](const auto& entry) { return entry.second.expires_at > now; });
            if (static_cast<std::size_t>(open) >= state_.limits.unexpired_flows)
                return store_error::too_many_flows();
            const auto of_key =
                std::count_if(state_.flows.begin(), state_.flows.end(), [&](const auto& entry) {
                    const auto& other = entry.second;
                    return other.owner == flow.owner && other.expires_at > now &&
                           other.state != FlowState::done && other.state != FlowState::failed;
                });
            if (!flow.owner.text.empty() &&
                static_cast<std::size_t>(of_key) >= state_.limits.open_flows_of_key)
                return store_error::too_many_connect_sessions();
            state_.flows[flow.id.text] = flow;
            return {};
        });
    }

    Task<FlowRow> by_id(FlowId id, Deadline by) override {
        return gate<FlowRow>(&state_, "flows.by_id", by, [this, id] {
            return found([&](const FlowRow& flow) { return flow.id == id; });
        });
    }

    Task<FlowRow> by_link(std::string link_hash, Deadline by) override {
        return gate<FlowRow>(&state_, "flows.by_link", by, [this, link_hash] {
            return found([&](const FlowRow& flow) { return flow.link_hash == link_hash; });
        });
    }

    Task<FlowRow> by_state(std::string state_hash, Deadline by) override {
        return gate<FlowRow>(&state_, "flows.by_state", by, [this, state_hash] {
            return found([&](const FlowRow& flow) {
                return !state_hash.empty() && flow.state_hash == state_hash;
            });
        });
    }

    Task<FlowRow> replace(FlowRow next, Deadline by) override {
        return gate<FlowRow>(&state_, "flows.replace", by, [this, next]() -> Result<FlowRow> {
            const auto stored = state_.flows.find(next.id.text);
            if (stored == state_.flows.end()) return store_error::no_flow();
            if (stored->second.version != next.version) return store_error::flow_conflict();
            stored->second = next;
            ++stored->second.version;
            return stored->second;
        });
    }

    Task<std::vector<FlowRow>> in_state(FlowState wanted, std::size_t limit, Deadline by) override {
        return gate<std::vector<FlowRow>>(
            &state_, "flows.in_state", by, [this, wanted, limit]() -> Result<std::vector<FlowRow>> {
                std::vector<FlowRow> flows;
                for (const auto& [id, flow] : state_.flows)
                    if (flow.state == wanted) flows.push_back(flow);
                std::sort(flows.begin(), flows.end(), [](const FlowRow& a, const FlowRow& b) {
                    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
                });
                if (flows.size() > limit) flows.resize(limit);
                return flows;
            });
    }

    Task<std::size_t> erase_expired(WallTime before, Deadline by) override {
        return gate<std::size_t>(&state_, "flows.erase_expired", by,
                                 [this, before]() -> Result<std::size_t> {
                                     return std::erase_if(state_.flows, [&](const auto& entry) {
                                         return entry.second.expires_at < before;
                                     });
                                 });
    }

private:
    template <class Wanted>
    const FlowRow* find(Wanted wanted) const {
        for (const auto& [id, flow] : state_.flows)
            if (wanted(flow)) return &flow;
        return nullptr;
    }

    template <class Wanted>
    Result<FlowRow> found(Wanted wanted) const {
        const auto* flow = find(wanted);
        if (flow == nullptr) return store_error::no_flow();
        return *flow;
    }

    Contents& state_;
};

}  // namespace

std::unique_ptr<FlowStore> make_flows(Contents& state) {
    return std::make_unique<Flows>(state);
}

}  // namespace latchkey::memory
