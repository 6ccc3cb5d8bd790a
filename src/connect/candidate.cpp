#include "connect/candidate.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/text.h"

namespace latchkey::connect {
namespace {

Error rejected(const char* code, std::string message) {
    return {Fault::denied, code, std::move(message)};
}

}  // namespace

Result<CandidateFacts> check_answer(const oauth::TokenAnswer& answer, const Provider& provider,
                                    const salesforce::LoginBase& login) {
    if (!ascii_iequal(answer.token_type, "bearer"))
        return rejected("token_type_rejected",
                        "Salesforce issued a token of another type than Bearer. An administrator "
                        "has to set the app to issue bearer tokens; then connect again.");

    CandidateFacts facts;
    auto instance = salesforce::check_instance(answer.instance_url, login);
    if (!instance) {
        Error error = instance.error();
        error.fault = Fault::denied;
        error.code = "host_rejected";
        return error;
    }
    facts.instance = *instance;

    auto who = salesforce::parse_identity_url(answer.id);
    if (!who)
        return rejected("identity_rejected",
                        "The answer does not name the org and user that were connected. Add the "
                        "scope id to the provider and connect again.");
    facts.who = *who;

    if (const auto* proof = std::get_if<SecretProof>(&provider.proof)) {
        const bool vouched = !answer.signature.empty() &&
                             salesforce::signature_matches(proof->client_secret, answer.id,
                                                           answer.issued_at, answer.signature);
        if (!vouched)
            return rejected("signature_rejected",
                            "The signature over the identity URL is missing or wrong, so nobody "
                            "vouches for who was connected. Check that the client secret is the "
                            "app's; then connect again.");
    }
    return facts;
}

Result<void> check_reconnect(const GrantRow& current, const CandidateFacts& facts) {
    if (current.state == State::revoking || current.state == State::revoked)
        return Error{Fault::conflict, "connection_revoked",
                     "The connection was revoked while the person was logging in. Open a connect "
                     "session for a new connection."};
    if (current.org_id == facts.who.org_id && current.user_id == facts.who.user_id) return {};
    return Error{Fault::conflict, "identity_mismatch",
                 "The person logged in as another Salesforce user or org than the connection "
                 "belongs to; the connection is as it was. Log in as the same user, or open a "
                 "connect session for a new connection."};
}

std::vector<std::string> granted_scopes(const oauth::TokenAnswer& answer,
                                        const Provider& provider) {
    return answer.scopes_said ? answer.scopes : provider.scopes;
}

std::string missing_scopes(const oauth::TokenAnswer& answer, const Provider& provider) {
    const auto granted = granted_scopes(answer, provider);
    const auto has = [&](std::string_view scope) {
        return std::find(granted.begin(), granted.end(), scope) != granted.end();
    };
    std::string missing;
    for (const auto& asked : provider.scopes) {
        // `full` stands for every scope but refresh_token; offline_access is its other name.
        const bool refresh = asked == "refresh_token" || asked == "offline_access";
        const bool there =
            has(asked) || (refresh ? has("refresh_token") || has("offline_access") : has("full"));
        if (!there) missing += (missing.empty() ? "" : " ") + asked;
    }
    return missing;
}

FreshTokens fresh_tokens(const oauth::TokenAnswer& answer, const Provider& provider,
                         std::string instance, WallTime received_at) {
    FreshTokens fresh;
    fresh.access_token = answer.access_token;
    fresh.refresh_token = answer.refresh_token;
    fresh.instance_url = std::move(instance);
    fresh.scopes = granted_scopes(answer, provider);
    fresh.received_at = received_at;
    if (answer.expires_in)
        fresh.expires_at = received_at + std::chrono::seconds{*answer.expires_in};
    return fresh;
}

}  // namespace latchkey::connect
