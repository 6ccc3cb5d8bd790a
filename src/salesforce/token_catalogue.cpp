#include <array>

#include "salesforce/catalogue.h"

namespace latchkey::salesforce {
namespace {

using enum GrantVerdict;
using enum During;
constexpr auto operators = Fault::misconfigured;  // the operator's or an administrator's to repair

constexpr const char* refused_client =
    "Salesforce does not accept this app's client id or secret. Compare both with the app's "
    "settings; "
    "the users' grants are unharmed.";
constexpr const char* bad_request =
    "Salesforce found the request malformed. Check the login URL and the app's OAuth settings, "
    "then "
    "report this to latchkey.";
constexpr const char* blocked_app =
    "The org does not let this app in. An administrator has to allow or install it there.";
constexpr const char* needs_approval =
    "The org's policy wants an administrator to approve this user for the app. Ask them to add the "
    "user's profile or permission set to it.";
constexpr const char* limited =
    "Salesforce counts too many logins. Wait for some minutes before the next try.";
constexpr const char* trouble =
    "Salesforce had an internal problem and did not say what became of the request. Find out "
    "before "
    "it is repeated.";
constexpr const char* own_attestation =
    "The app's policy asks for a proof that latchkey does not give. Switch that requirement off "
    "for "
    "the app.";

constexpr std::array rows = {
    // Another request with the same refresh token is alive; in 2024 the text spoke of a code.
    TokenRow{"invalid_grant", "already being processed", refresh, busy, Fault::try_later,
             "already_processing",
             "Salesforce is still working on another request with this token. Wait, then look what "
             "came of it."},
    TokenRow{"invalid_grant", "expired authorization code", refresh, busy, Fault::try_later,
             "already_processing",
             "Salesforce is still working on another request with this token. Wait, then look what "
             "came of it."},
    TokenRow{"invalid_grant", "already being processed", any, dead, Fault::reauthorize,
             "code_spent",
             "Somebody else presented this authorization code at the same moment. Connect again."},
    TokenRow{"invalid_grant", "expired authorization code", any, dead, Fault::reauthorize,
             "code_expired",
             "The authorization code was used before or is over 15 minutes old. Connect again."},
    TokenRow{"invalid_grant", "invalid authorization code", exchange, dead, Fault::reauthorize,
             "code_unknown", "Salesforce does not know this authorization code. Connect again."},
    TokenRow{"invalid_grant", "invalid code verifier", exchange, dead, Fault::reauthorize,
             "code_verifier_refused",
             "The authorization code belongs to another login than this one. Connect again."},

    TokenRow{
        "invalid_grant", "ip restricted", any, unharmed, operators, "ip_restricted",
        "The org does not accept requests from this address. Add latchkey's outgoing addresses "
        "to the profile's login IP ranges or the app's allow-list."},
    TokenRow{
        "invalid_grant", "invalid login hours", any, unharmed, operators, "login_hours",
        "The user's profile does not allow logins at this hour. Widen its login hours or wait."},
    TokenRow{"invalid_grant", "login rate exceeded", any, unharmed, Fault::try_later,
             "rate_limited", limited},
    TokenRow{"invalid_grant", "number of logins exceeded", any, unharmed, Fault::try_later,
             "rate_limited", limited},
    TokenRow{
        "invalid_grant", "inactive organization", any, unharmed, operators, "inactive_org",
        "The org is locked, closed or suspended. Its owner has to settle that with Salesforce."},
    TokenRow{
        "invalid_grant", "organization is locked", any, unharmed, operators, "inactive_org",
        "The org is locked, closed or suspended. Its owner has to settle that with Salesforce."},
    TokenRow{
        "invalid_grant", "no client credentials user", any, unharmed, operators, "no_run_as_user",
        "The app has no valid run-as user for client credentials. Choose one in its policies."},
    TokenRow{"invalid_grant", "request not supported on this domain", any, unharmed, operators,
             "wrong_login_host",
             "This flow works at the org's My Domain only. Set that as login URL."},
    TokenRow{"invalid_grant", "no valid scopes", any, unharmed, operators, "no_valid_scopes",
             "The app has no scope that this flow can use. Add one, such as api, to the app."},
    TokenRow{"invalid_grant", "audience", any, unharmed, operators, "wrong_audience",
             "The assertion names another audience than this login host. Set the audience to "
             "login.salesforce.com, test.salesforce.com or the site's URL."},
    TokenRow{
        "invalid_grant", "inactive user", any, dead, Fault::reauthorize, "inactive_user",
        "The Salesforce user is deactivated or frozen. Once an administrator has activated them, "
        "connect again."},
    TokenRow{
        "invalid_grant", "user is inactive", any, dead, Fault::reauthorize, "inactive_user",
        "The Salesforce user is deactivated or frozen. Once an administrator has activated them, "
        "connect again."},
    TokenRow{
        "invalid_grant", "authentication failure", any, dead, Fault::reauthorize,
        "authentication_failure",
        "Salesforce no longer lets this user in with this app. Check that the user may use the "
        "API, then connect again."},
    TokenRow{"invalid_grant", "hasn't approved this consumer", any, dead, Fault::reauthorize,
             "not_approved",
             "The user's approval of the app is missing or was taken back. Connect "
             "again and approve it."},
    TokenRow{
        "invalid_grant", "expired access/refresh token", any, dead, Fault::reauthorize,
        "token_expired",
        "The refresh token is over: revoked, unused for too long, replaced, or pushed out by a "
        "newer login. Connect again."},
    TokenRow{"invalid_grant", "", any, dead, Fault::reauthorize, "grant_refused",
             "Salesforce refused the grant. Connect again; if that fails too, look at the user's "
             "login history in the org."},

    TokenRow{
        "invalid_client", "app must be installed", any, unharmed, operators,
        "app_not_installed_in_org",
        "The app is not installed in the user's org. An administrator has to install it there."},
    TokenRow{"invalid_client", "", any, unharmed, operators, "invalid_client", refused_client},
    TokenRow{
        "invalid_client_id", "", any, unharmed, operators, "invalid_client_id",
        "Salesforce does not know this client id. Compare it with the app's; a new app needs up "
        "to ten minutes."},
    TokenRow{"invalid_client_credentials", "", any, unharmed, operators,
             "invalid_client_credentials", refused_client},
    TokenRow{"invalid_basic_auth_header", "", any, unharmed, operators, "invalid_client",
             refused_client},
    TokenRow{"invalid_assertion_type", "", any, unharmed, operators, "invalid_client",
             refused_client},
    TokenRow{"unauthorized_client", "", any, unharmed, operators, "unauthorized_client",
             "The app may not use this OAuth flow. Enable the flow in its settings."},
    TokenRow{"unsupported_grant_type", "", any, unharmed, operators, "unsupported_grant_type",
             "This host issues no tokens for this flow. Set login.salesforce.com or the org's My "
             "Domain as login URL, not a Lightning address."},
    TokenRow{
        "wrong_version", "", any, unharmed, operators, "wrong_version",
        "The org has another version of the app than these credentials belong to. Update the app "
        "in the org."},

    TokenRow{
        "inactive_user", "", any, dead, Fault::reauthorize, "inactive_user",
        "The Salesforce user is deactivated or frozen. Once an administrator has activated them, "
        "connect again."},
    TokenRow{
        "inactive_org", "", any, unharmed, operators, "inactive_org",
        "The org is locked, closed or suspended. Its owner has to settle that with Salesforce."},
    TokenRow{"rate_limit_exceeded", "", any, unharmed, Fault::try_later, "rate_limited", limited},
    TokenRow{"slow_down", "", any, unharmed, Fault::try_later, "slow_down",
             "Salesforce wants fewer questions. Ask less often."},
    TokenRow{"authorization_pending", "", any, unharmed, Fault::try_later, "authorization_pending",
             "The person has not finished the login yet. Ask again later."},
    TokenRow{"access_denied", "", exchange, dead, Fault::reauthorize, "access_denied",
             "The person refused to connect. Ask again when they agree."},

    TokenRow{"invalid_app_access", "", any, unharmed, operators, "invalid_app_access",
             needs_approval},
    TokenRow{
        "invalid_session_level", "", any, unharmed, operators, "invalid_session_level",
        "The org wants a high-assurance session for this app. Change that policy or let the user "
        "log in with multi-factor authentication."},
    TokenRow{"app_blocked", "", any, unharmed, operators, "app_blocked", blocked_app},
    TokenRow{"fail_close_app_blocked", "", any, unharmed, operators, "app_blocked", blocked_app},
    TokenRow{"app_not_found", "", any, unharmed, operators, "app_not_found", blocked_app},
    TokenRow{"ecapp_policy_not_found", "", any, unharmed, operators, "app_policy_missing",
             blocked_app},
    TokenRow{"oauth_policy_not_found", "", any, unharmed, operators, "app_policy_missing",
             blocked_app},
    TokenRow{
        "invalid_distribution_state", "", any, unharmed, operators, "app_not_distributed",
        "The external client app is local to another org. Package it, or make one in this org."},
    TokenRow{"installation_error", "", any, unharmed, operators, "app_not_installed_in_org",
             blocked_app},
    TokenRow{"oauth_flow_disabled", "", any, unharmed, operators, "oauth_flow_disabled",
             "The org or the app has this OAuth flow switched off. Switch it on in the settings."},
    TokenRow{"use_dpop_nonce", "", any, unharmed, operators, "proof_required", own_attestation},
    TokenRow{"invalid_dpop_proof", "", any, unharmed, operators, "proof_required", own_attestation},
    TokenRow{"app_attest_failed", "", any, unharmed, operators, "proof_required", own_attestation},
    TokenRow{"app_attest_failed_retry", "", any, unharmed, operators, "proof_required",
             own_attestation},

    TokenRow{"redirect_uri_mismatch", "", any, unharmed, operators, "redirect_uri_mismatch",
             "The callback URL is not exactly one of the app's. Register it as configured here."},
    TokenRow{"redirect_uri_missing", "", any, unharmed, operators, "redirect_uri_missing",
             "Salesforce got no callback URL. Configure the redirect URI."},
    TokenRow{"invalid_request", "token handler not found", any, unharmed, operators,
             "token_handler_missing",
             "The app has no token exchange handler. Link one to it in the org."},
    TokenRow{"invalid_request", "", any, unharmed, operators, "invalid_request", bad_request},
    TokenRow{
        "invalid_scope", "", any, unharmed, operators, "invalid_scope",
        "A scope was asked for that the app does not have. Add it to the app or ask for less."},
    TokenRow{"unsupported_response_type", "", any, unharmed, operators, "unsupported_response_type",
             bad_request},

    TokenRow{"unknown_error", "", any, unknown, Fault::outcome_unknown, "upstream_error", trouble},
    TokenRow{"server_error", "", any, unknown, Fault::outcome_unknown, "upstream_error", trouble},
    TokenRow{"service_unavailable", "", any, unknown, Fault::outcome_unknown, "upstream_error",
             trouble},
    TokenRow{"system_down", "", any, unknown, Fault::outcome_unknown, "upstream_error", trouble},
};

}  // namespace

std::span<const TokenRow> token_rows() {
    return rows;
}

}  // namespace latchkey::salesforce
