#pragma once

#include <map>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/provider.h>

namespace latchkey {

/// The registrations of this installation, by name. Fixed once built.
class Providers {
public:
    explicit Providers(std::vector<Provider> all = {});
    /// errors  not_found unknown_provider (message lists the names)
    Result<Provider> find(const ProviderId& id) const;
    /// The only one, where a caller names none. errors  bad_input provider_required
    Result<Provider> only_one() const;
    const std::map<std::string, Provider>& all() const { return by_name_; }

private:
    std::map<std::string, Provider> by_name_;
};

}  // namespace latchkey
