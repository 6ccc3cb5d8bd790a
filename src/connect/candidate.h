#pragma once

#include <string>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/provider.h>

#include "base/origin.h"
#include "model/grant.h"
#include "oauth/token_answer.h"
#include "salesforce/hosts.h"
#include "salesforce/identity.h"
#include "vault/vault.h"

/// What a new grant is checked for before anybody may use it. All pure.
namespace latchkey::connect {

/// What the answer of a code exchange says, after every check that needs nothing but the answer.
struct CandidateFacts {
    salesforce::Identity who;
    Origin instance;
    CandidateFacts() = default;
};

/// Checks in this order: a bearer token; an instance host by the host rules; an identity URL that
/// names org and user; for a client with a secret, the signature over that URL. A public client has
/// no key to check a signature with.
///
/// errors  denied  token_type_rejected, host_rejected, identity_rejected, signature_rejected
/// source  Salesforce Help, "OAuth 2.0 Web Server Flow for Web App Integration"; RFC 6750
Result<CandidateFacts> check_answer(const oauth::TokenAnswer& answer, const Provider& provider,
                                    const salesforce::LoginBase& login);

/// A reconnect has to bring the same user of the same org, and its connection must not be over.
/// errors  conflict  identity_mismatch, connection_revoked
Result<void> check_reconnect(const GrantRow& current, const CandidateFacts& facts);

/// The scopes that were granted: what the answer says, or, where it says nothing, what was asked
/// for (RFC 6749 section 5.1).
std::vector<std::string> granted_scopes(const oauth::TokenAnswer& answer, const Provider& provider);
/// Those asked for and not granted, joined with blanks; empty if all were.
std::string missing_scopes(const oauth::TokenAnswer& answer, const Provider& provider);

/// The answer's tokens as the vault keeps them. `instance` is empty until the host was checked.
FreshTokens fresh_tokens(const oauth::TokenAnswer& answer, const Provider& provider,
                         std::string instance, WallTime received_at);

}  // namespace latchkey::connect
