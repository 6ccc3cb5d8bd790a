#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/connection.h>
#include <latchkey/ids.h>
#include <latchkey/secret.h>
#include <latchkey/time.h>

namespace latchkey {

/// What an app's backend asks for when it opens a flow.
struct ConnectWish {
    ApiKeyId owner;                         ///< the key that opens it; only its holder completes it
    std::string end_user;                   ///< 1 to 200 opaque bytes
    std::optional<ProviderId> provider;     ///< absent: the only one
    std::string purpose;                    ///< shown to the person; at most 200 bytes
    std::string return_url;                 ///< one of the provider's
    std::optional<std::string> login_host;  ///< absent: the provider's, else the person chooses
    std::optional<ConnectionId> connection;  ///< a reconnect of this connection
    std::string login_hint;                  ///< prefills the user name; may be empty
    std::vector<std::string> prompt;
    ConnectWish() = default;
};

struct OpenedFlow {
    FlowId id;
    Secret link;          ///< 43 characters; the connect link ends with it
    WallTime expires_at;  ///< 10 min from now
    OpenedFlow() = default;
};

/// What the page behind a connect link shows. Looking changes nothing.
struct LinkView {
    FlowId id;
    std::string purpose;
    ProviderId provider;
    std::optional<std::string> login_url;  ///< absent: the form asks for a login host
    LinkView() = default;
};

/// Where the browser goes, and what ties it to this flow.
struct Departure {
    std::string authorize_url;
    std::string login_origin;  ///< for the page's form-action
    std::string cookie_name;   ///< "lk-" and 8 characters of the flow; the service adds the prefix
    Secret cookie;
    std::chrono::seconds cookie_lifetime{600};
    Departure() = default;
};

/// The cookies that a browser sent: all values under a name.
using CookieLookup = std::function<std::vector<std::string>(std::string_view name)>;

struct Arrival {
    std::string redirect_url;  ///< the return URL with ticket and flow, or with error and flow
    Arrival() = default;
};

struct Completion {
    Connection connection;
    bool created = true;  ///< false: this ticket had completed the flow before
    Completion() = default;
};

}  // namespace latchkey
