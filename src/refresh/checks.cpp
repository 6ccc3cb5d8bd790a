#include "refresh/checks.h"

#include <chrono>

#include "base/text.h"
#include "salesforce/identity.h"

namespace latchkey::protocol {
namespace {

bool other_identity(const std::string& id, const GrantRow& row) {
    if (id.empty()) return false;
    const auto now = salesforce::parse_identity_url(id);
    if (!now) return true;
    // A grant that was kept before its identity was known has nothing to be compared with.
    const bool org = row.org_id.empty() || row.org_id == now->org_id;
    const bool user = row.user_id.empty() || row.user_id == now->user_id;
    return !org || !user;
}

bool forged(const oauth::TokenAnswer& answer, const Provider& provider) {
    const auto* proof = std::get_if<SecretProof>(&provider.proof);
    if (proof == nullptr || answer.signature.empty()) return false;
    return !salesforce::signature_matches(proof->client_secret, answer.id, answer.issued_at,
                                          answer.signature);
}

}  // namespace

Result<salesforce::LoginBase> login_of(const Provider& provider, const GrantRow& row) {
    if (provider.login_url) {
        auto configured = salesforce::check_login(*provider.login_url, true);
        if (configured && configured->url() == row.login_url) return configured;
    }
    return salesforce::check_login(row.login_url, false);
}

std::string doubt_about(const oauth::TokenAnswer& answer, const GrantRow& row,
                        const Provider& provider, const salesforce::LoginBase& login) {
    if (!answer.instance_url.empty() && !salesforce::check_instance(answer.instance_url, login))
        return "host_rejected";
    if (other_identity(answer.id, row)) return "identity_changed";
    if (forged(answer, provider)) return "signature_rejected";
    if (!ascii_iequal(answer.token_type, "bearer")) return "token_type_rejected";
    return {};
}

FreshTokens fresh_from(const RefreshVerdict& verdict, const GrantRow& row, const Provider& provider,
                       const salesforce::LoginBase& login, WallTime received_at) {
    const auto& answer = verdict.answer;
    const bool whole = verdict.kind == RefreshVerdict::Kind::issued;
    FreshTokens fresh;
    fresh.confirmed = whole;
    fresh.refresh_token = answer.refresh_token;
    fresh.received_at = received_at;
    fresh.access_token = answer.access_token;
    if (answer.expires_in)
        fresh.expires_at = received_at + std::chrono::seconds{*answer.expires_in};
    if (auto instance = salesforce::check_instance(answer.instance_url, login))
        fresh.instance_url = instance->text();
    if (answer.scopes_said) fresh.scopes = answer.scopes;
    // A cut answer lacks members for no fault of its own; what it does say is still looked at.
    auto read = answer;
    if (!whole && read.token_type.empty()) read.token_type = "bearer";
    if (!whole) read.signature.clear();
    fresh.quarantine = doubt_about(read, row, provider, login);
    return fresh;
}

}  // namespace latchkey::protocol
