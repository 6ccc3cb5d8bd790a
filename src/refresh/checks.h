#pragma once

#include <string>

#include <latchkey/provider.h>

#include "endpoint/raw_answer.h"
#include "model/grant.h"
#include "salesforce/hosts.h"
#include "vault/vault.h"

/// Pure looks at what an answer says besides its tokens.
namespace latchkey::protocol {

/// Where this grant's token requests go. A login base that the operator configured may be loopback
/// or a domain of its own; one that a person chose may not. errors  bad_input invalid_login_host
Result<salesforce::LoginBase> login_of(const Provider& provider, const GrantRow& row);

/// Empty, or why nothing of this grant may be handed out until an operator has looked:
/// host_rejected, identity_changed, signature_rejected, token_type_rejected. The tokens are worth
/// keeping all the same: they are the only living ones of the grant.
std::string doubt_about(const oauth::TokenAnswer& answer, const GrantRow& row,
                        const Provider& provider, const salesforce::LoginBase& login);

/// What to keep of an answer that was issued or salvaged. A rejected host is not kept. An answer
/// that was cut before its access token has none here, and the row keeps its own.
FreshTokens fresh_from(const RefreshVerdict& verdict, const GrantRow& row, const Provider& provider,
                       const salesforce::LoginBase& login, WallTime received_at);

}  // namespace latchkey::protocol
