#include "model/providers.h"

#include <utility>

namespace latchkey {

Providers::Providers(std::vector<Provider> all) {
    for (auto& provider : all) {
        auto name = provider.id.text;
        by_name_.emplace(std::move(name), std::move(provider));
    }
}

Result<Provider> Providers::find(const ProviderId& id) const {
    const auto found = by_name_.find(id.text);
    if (found != by_name_.end()) return found->second;
    std::string names;
    for (const auto& [name, provider] : by_name_) names += (names.empty() ? "" : ", ") + name;
    return Error{Fault::not_found, "unknown_provider",
                 "There is no provider of that name. Configured: " + names + "."};
}

Result<Provider> Providers::only_one() const {
    if (by_name_.size() == 1) return by_name_.begin()->second;
    return Error{Fault::bad_input, "provider_required",
                 "More than one provider is configured; name the one to use."};
}

}  // namespace latchkey
