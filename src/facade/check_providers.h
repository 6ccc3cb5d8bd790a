#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/provider.h>

#include "base/origin.h"

namespace latchkey {

/// Where a login in this process listens: taken from a redirect URI such as
/// "http://localhost:1717/OauthRedirect".
struct LoopbackPlace {
    Origin origin;
    std::string path;  ///< begins with a slash; nothing after it
};
/// errors  misconfigured  redirect_not_loopback: not plain http on a loopback host with a port
Result<LoopbackPlace> loopback_place(const std::string& redirect_uri);

/// Looks at everything of a registration that can be wrong without asking Salesforce, so that a
/// mistake shows at the start and not at somebody's login.
/// errors  misconfigured  invalid_provider (message names the provider and the setting)
Result<void> check_providers(const std::vector<Provider>& all);

/// The origins that providers with a loopback login URL may reach without TLS, and nobody else.
std::vector<Origin> private_origins(const std::vector<Provider>& all);

}  // namespace latchkey
