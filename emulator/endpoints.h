#pragma once

#include "emulator/world.h"
#include "net/http_server.h"

namespace latchkey::emulator {

// One function an endpoint. Each answers at once; what it changes is in the World when it returns.

/// The authorization endpoint and the forms of its pages.
/// source  Salesforce Help, "OAuth Authorization Flows"; RFC 6749 section 4.1; RFC 7636
Reply authorize(World& world, const Visit& visit);

/// The token endpoint. `use` says whether a refresh met another one with the same token.
/// source  RFC 6749 sections 4.1.3 and 6; Salesforce Help, "OAuth 2.0 Refresh Token Flow"
Reply token(World& world, const Visit& visit, const RefreshUse& use);

/// Not RFC 7009: no client authentication, and an unknown token is an error.
/// source  Salesforce Help, "Revoke OAuth Tokens"
Reply revoke(World& world, const Visit& visit);

/// source  RFC 7662; Salesforce Help, "OpenID Connect Token Introspection"
Reply introspect(World& world, const Visit& visit);

/// source  OpenID Connect Core 1.0 section 5.3; Salesforce Help, "UserInfo Endpoint"
Reply userinfo(World& world, const Visit& visit);

/// /id/ORG/USER.  source  Salesforce Help, "Identity URLs"
Reply identity(World& world, const Visit& visit);

/// A one-time link that opens the org's pages in a browser.
Reply single_access(World& world, const Visit& visit);

/// source  OpenID Connect Discovery 1.0
Reply discovery(const Visit& visit);

/// Everything below /services/data: finds the caller, the rest is the DataApi's.
Reply data(World& world, const Visit& visit);

}  // namespace latchkey::emulator
