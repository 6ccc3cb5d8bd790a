#pragma once

#include <string>
#include <vector>

#include <latchkey/latchkey.h>

#include "facade/house.h"

/// What the face promises, as coroutines of the library's loop. Nothing here runs before it is
/// awaited there, so a caller on any thread may make one. The house outlives them.
namespace latchkey::acts {

Task<OpenedFlow> open_flow(House& house, ConnectWish wish, Deadline by);
Task<LinkView> look(House& house, Secret link, Deadline by);
Task<Departure> start(House& house, Secret link, std::optional<std::string> login_host,
                      Deadline by);
Task<Arrival> callback(House& house, ProviderId provider, std::string query, CookieLookup cookies,
                       Deadline by);
Task<Completion> complete(House& house, FlowId flow, Secret ticket, std::string end_user,
                          ApiKeyId caller, Deadline by);

Task<Connection> connection(House& house, ConnectionId id, Deadline by);
/// errors  bad_input invalid_limit, invalid_cursor
Task<ConnectionList> connections(House& house, ConnectionFilter filter, Deadline by);
Task<Connection> revoke(House& house, ConnectionId id, Deadline by);
Task<Connection> refresh(House& house, ConnectionId id, Deadline by);
Task<Connection> quarantine(House& house, ConnectionId id, Deadline by);
Task<Connection> release(House& house, ConnectionId id, Deadline by);

Task<AccessToken> token(House& house, ConnectionId id, TokenDemand demand, Deadline by);
/// errors  those of Gateway::send · bad_input body_too_large
Task<ApiResponse> call(House& house, ApiRequest request, Deadline by);
Task<QueryPage> query(House& house, ConnectionId id, std::string soql, Deadline by);
Task<QueryPage> query_more(House& house, ConnectionId id, std::string next, Deadline by);

Task<NewApiKey> create_api_key(House& house, ApiKeyWish wish, Deadline by);
Task<std::vector<ApiKey>> api_keys(House& house, Deadline by);
Task<ApiKey> revoke_api_key(House& house, ApiKeyId id, Deadline by);
Task<Caller> check_api_key(House& house, Secret presented, Deadline by);

}  // namespace latchkey::acts
