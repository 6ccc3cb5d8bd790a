#pragma once

#include <memory>
#include <string>
#include <vector>

#include <latchkey/api.h>
#include <latchkey/api_key.h>
#include <latchkey/connection.h>
#include <latchkey/error.h>
#include <latchkey/latchkey.h>
#include <latchkey/rest.h>
#include <latchkey/secret.h>
#include <latchkey/token_set.h>

namespace latchkey::cli {

/// Where connections live: a store of this machine, or a server.
class Backend {
public:
    virtual ~Backend() = default;
    virtual Result<ConnectionList> connections(const std::string& cursor) = 0;
    virtual Result<Connection> connection(const ConnectionId& id) = 0;
    virtual Result<Connection> revoke(const ConnectionId& id) = 0;
    virtual Result<AccessToken> token(const ConnectionId& id) = 0;
    virtual Result<ApiResponse> call(ApiRequest request) = 0;
    /// Records, queries and bulk jobs of a connection. Must not outlive the backend.
    virtual Rest rest(const ConnectionId& id) = 0;
    virtual Result<NewApiKey> create_api_key(ApiKeyWish wish) = 0;
    virtual Result<std::vector<ApiKey>> api_keys() = 0;
    virtual Result<ApiKey> revoke_api_key(const ApiKeyId& id) = 0;
    virtual Result<SealingKeys> sealing_keys() = 0;
    virtual Result<SealingKey> change_sealing_key() = 0;
    virtual Result<std::vector<KillSwitch>> kill_switches() = 0;
    virtual Result<KillSwitch> turn_on_kill_switch(const KillSwitch& wish) = 0;
    virtual Result<KillSwitch> turn_off_kill_switch(const ProviderId& provider) = 0;
};

/// errors  those of Latchkey::open
Result<std::unique_ptr<Backend>> open_local(Options options);

/// errors  bad_input invalid_origin, plain_http_not_allowed
Result<std::unique_ptr<Backend>> open_remote(const std::string& url, Secret api_key);

}  // namespace latchkey::cli
