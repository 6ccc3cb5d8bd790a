#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <latchkey/error.h>

#include "base/origin.h"

namespace latchkey::salesforce {

/// Where a user logs in: an origin and, for Experience Cloud sites, the site's path.
struct LoginBase {
    Origin origin;
    std::string path;  ///< empty or "/site", no closing slash

    std::string url() const;                            ///< canonical: what is stored
    std::string endpoint(std::string_view path) const;  ///< url() + "/services/oauth2/..."
};

/// Parses and checks a login URL or a bare host that an operator, an app or a person named. A
/// Lightning or Setup host is turned into its My Domain where that can be told, else refused with
/// advice. `configured` says that it comes from the operator's configuration: only then loopback
/// and plain http are allowed, and custom domains that end in none of Salesforce's suffixes. errors
/// bad_input  invalid_login_host (message says what is allowed)
Result<LoginBase> check_login(std::string_view url_or_host, bool configured);

/// Checks an instance_url (or identity host) of an answer against the host rules: https, a host
/// that ends, label by label, in one of Salesforce's domains, no user info, port, path or
/// look-alike; or exactly the login's own origin where that is loopback or a configured custom
/// domain. errors  denied  host_rejected
Result<Origin> check_instance(std::string_view instance_url, const LoginBase& login);

/// Label-bounded: "x.my.salesforce.com" is one, "evilsalesforce.com" and
/// "salesforce.com.evil.com" are none. `host` is lower-case.
bool is_salesforce_host(std::string_view host);

}  // namespace latchkey::salesforce
