#include "store/memory/gate.h"

namespace latchkey::memory {

std::optional<MemoryStore::Trouble> Gatekeeper::next_fault(const std::string& call) {
    for (auto at = faults.begin(); at != faults.end(); ++at) {
        if (!at->call.empty() && at->call != call) continue;
        const auto how = at->how;
        if (--at->left == 0) faults.erase(at);
        return how;
    }
    return std::nullopt;
}

std::size_t Gatekeeper::count(std::string_view call) const {
    const auto found = calls.find(call);
    return found == calls.end() ? 0 : found->second;
}

}  // namespace latchkey::memory
