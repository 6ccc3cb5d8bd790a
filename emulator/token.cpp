#include <boost/json/object.hpp>

#include "emulator/answers.h"
#include "emulator/endpoints.h"
#include "emulator/hash.h"
#include "emulator/tokens.h"

namespace latchkey::emulator {
namespace {

constexpr std::chrono::minutes code_life{15};

Reply bad_grant(std::string_view description) {
    return oauth_error(400, "invalid_grant", description);
}

Reply refuse(const Refusal& refusal) {
    return oauth_error(400, refusal.error, refusal.description);
}

Reply redeem(World& world, const Visit& visit, const FormFields& form, const Client& client) {
    Code* code = world.codes.find(value_of(form, "code"));
    if (code == nullptr) return bad_grant("invalid authorization code");
    if (code->redeemed || visit.now - code->issued_at >= code_life) {
        return bad_grant("expired authorization code");
    }
    if (code->ask.client_id != client.client_id) return bad_grant("invalid authorization code");
    if (count(form, "redirect_uri") == 0) {
        return oauth_error(400, "redirect_uri_missing", "redirect_uri not provided");
    }
    if (value_of(form, "redirect_uri") != code->ask.redirect_uri) {
        return oauth_error(400, "redirect_uri_mismatch", "redirect_uri must match configuration");
    }
    if (!code->ask.challenge.empty()) {
        // No upper limit of the length: 171 characters are sent in practice, and work.
        const std::string verifier = value_of(form, "code_verifier");
        if (verifier.empty() || !same(base64url(sha256(verifier)), code->ask.challenge)) {
            return bad_grant("invalid code verifier");
        }
    }
    if (const auto refusal = policy_refusal(world, visit, client, code->user_id)) {
        return refuse(*refusal);
    }
    code->redeemed = true;
    Grant& grant = approve(world, visit, client, code->user_id, code->ask.scopes, true);
    return json_answer(
        200, token_answer(world, visit, client, grant, grant.refresh_token, code->ask.nonce));
}

/// What a spent token does to the grant it came from.
void punish_reuse(World& world, const Client& client, Grant& grant) {
    world.ledger.reused(grant.id);
    if (client.reuse == Reuse::reject_only) return;
    end_grant(world, grant);
    if (client.reuse != Reuse::revoke_user_app) return;
    for (Grant* other : world.grants.living(grant.client_id, grant.user_id)) {
        end_grant(world, *other);
    }
}

Reply refresh(World& world, const Visit& visit, const FormFields& form, const Client& client,
              const RefreshUse& use) {
    using Standing = Grants::Standing;
    world.ledger.begin(use.number);
    const auto found = world.grants.find_refresh(value_of(form, "refresh_token"));
    if (found.grant == nullptr || found.grant->client_id != client.client_id) {
        return bad_grant("expired access/refresh token");
    }
    Grant& grant = *found.grant;
    if (use.blocked) {
        // Spent by the request under way, or before it? Only the latter is a reuse.
        if (found.standing == Standing::spent && !use.own_token) world.ledger.reused(grant.id);
        return bad_grant(client.concurrent_refresh == Concurrency::legacy_text
                             ? "expired authorization code"
                             : "token request is already being processed");
    }
    if (found.standing == Standing::spent) {
        punish_reuse(world, client, grant);
        return bad_grant("expired access/refresh token");
    }
    const auto ends = refresh_expiry(grant, client.effective_policy());
    if (found.standing == Standing::revoked || (ends && visit.now >= *ends)) {
        return bad_grant("expired access/refresh token");
    }
    if (const auto refusal = policy_refusal(world, visit, client, grant.user_id)) {
        return refuse(*refusal);
    }

    if (client.rotation) {
        if (client.rtr_old_access_token == OldAccessToken::dies) world.grants.end_sessions(grant);
        world.grants.rotate(grant, world.ids.refresh_token());
    }
    if (client.instance_url_move && grant.moved_to.empty()) {
        grant.moved_to = other_name(visit.origin);
    }
    grant.last_used = visit.now;
    world.ledger.refreshed(grant.id);
    world.ledger.outcome(use.number, "refreshed");
    return json_answer(200, token_answer(world, visit, client, grant,
                                         client.rotation ? grant.refresh_token : "", ""));
}

}  // namespace

Reply token(World& world, const Visit& visit, const RefreshUse& use) {
    if (!visit.posted()) return oauth_error(400, "invalid_request", "must use HTTP POST");
    const auto form = form_of(visit.request);
    if (!form) return oauth_error(400, "invalid_request", "request body is not a form");
    for (const auto& [name, value] : *form) {
        if (count(*form, name) > 1) {
            return oauth_error(400, "invalid_request", "duplicate parameter");
        }
    }
    const std::string grant_type = value_of(*form, "grant_type");
    const bool redeems = grant_type == "authorization_code";
    if (!redeems && grant_type != "refresh_token") {
        return oauth_error(400, "unsupported_grant_type", "grant type not supported");
    }
    const auto check = check_client(
        world, visit, *form,
        redeems ? +[](const Client& client) { return client.secret_required_web; }
                : +[](const Client& client) { return client.secret_required_refresh; });
    if (check.refusal) return refuse(check);
    if (check.client->maintenance) return maintenance_reply();
    if (redeems) return redeem(world, visit, *form, *check.client);
    return refresh(world, visit, *form, *check.client, use);
}

}  // namespace latchkey::emulator
