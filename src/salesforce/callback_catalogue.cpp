#include <array>

#include "salesforce/catalogue.h"

namespace latchkey::salesforce {
namespace {

constexpr auto operators = Fault::misconfigured;

constexpr const char* not_installed =
    "The app is not installed in the user's org, or the login went to another org. An "
    "administrator "
    "has to install it; check the login URL too.";
constexpr const char* not_assigned =
    "An administrator has to approve this user for the app. Ask them to add the user's profile or "
    "permission set to it.";

constexpr std::array rows = {
    CallbackRow{"access_denied", "", Fault::denied, "access_denied",
                "The person refused to connect. Ask again when they agree."},
    // Salesforce's help spells it so in one place.
    CallbackRow{"access-denied", "", Fault::denied, "access_denied",
                "The person refused to connect. Ask again when they agree."},
    CallbackRow{
        "OAUTH_APP_BLOCKED", "", operators, "app_blocked",
        "An administrator of the org has blocked the app. Ask them to unblock it on the page "
        "of connected apps in use."},
    CallbackRow{"app_blocked", "", operators, "app_blocked",
                "An administrator of the org has blocked the app. Ask them to unblock it."},
    CallbackRow{"OAUTH_APP_ACCESS_DENIED", "", operators, "app_access_denied", not_assigned},
    CallbackRow{"invalid_app_access", "", operators, "app_access_denied", not_assigned},
    CallbackRow{"OAUTH_APPROVAL_ERROR_GENERIC", "", operators, "approval_failed",
                "Salesforce could not approve the app for this user. Usual causes: the app is not "
                "installed in the org, the user's licence is too small, or a scope is missing."},
    CallbackRow{
        "OAUTH_AUTHORIZATION_BLOCKED", "", operators, "cross_org_blocked",
        "The external client app is local to the org that owns it. Package it for other orgs, "
        "or log in to its own."},
    CallbackRow{"OAUTH_EC_APP_NOT_FOUND", "", operators, "app_not_installed", not_installed},
    CallbackRow{"app_not_found", "", operators, "app_not_installed", not_installed},
    CallbackRow{"invalid_client", "app must be installed", operators, "app_not_installed",
                not_installed},
    CallbackRow{
        "invalid_client", "", operators, "invalid_client",
        "Salesforce does not accept the app. Compare the client id with the app's settings."},
    CallbackRow{
        "invalid_client_id", "", operators, "invalid_client_id",
        "Salesforce does not know the client id. Compare it with the app's; a new app needs "
        "up to ten minutes."},
    CallbackRow{"invalid_request", "code challenge", operators, "pkce_missing",
                "Salesforce saw no PKCE challenge. Look for a proxy that drops parameters of the "
                "authorize URL."},
    CallbackRow{
        "invalid_request", "", operators, "invalid_request",
        "Salesforce found the authorize request malformed. Check the login URL and the app's "
        "OAuth settings."},
    CallbackRow{"invalid_scope", "", operators, "invalid_scope",
                "A scope was asked for that the app does not have. Add it to the app or ask for "
                "less."},
    CallbackRow{
        "redirect_uri_mismatch", "", operators, "redirect_uri_mismatch",
        "The callback URL is not exactly one of the app's. Register it as configured here."},
    CallbackRow{"redirect_uri_missing", "", operators, "redirect_uri_missing",
                "Salesforce got no callback URL. Configure the redirect URI."},
    CallbackRow{
        "unsupported_response_type", "", operators, "unsupported_response_type",
        "This host issues no codes. Set login.salesforce.com or the org's My Domain as login "
        "URL."},
    CallbackRow{"unauthorized_client", "", operators, "unauthorized_client",
                "The app may not use the web server flow. Enable it in the app's settings."},
    CallbackRow{
        "oauth_flow_disabled", "", operators, "oauth_flow_disabled",
        "The org or the app has this OAuth flow switched off. Switch it on in the settings."},
    CallbackRow{"invalid_session_level", "", operators, "invalid_session_level",
                "The org wants a high-assurance session for this app. Log in with multi-factor "
                "authentication or change that policy."},
    CallbackRow{"inactive_org", "", operators, "inactive_org",
                "The org is locked, closed or suspended. Its owner has to settle that with "
                "Salesforce."},
    CallbackRow{"inactive_user", "", Fault::reauthorize, "inactive_user",
                "The Salesforce user is deactivated or frozen. Once an administrator has activated "
                "them, connect again."},
    CallbackRow{"immediate_unsuccessful", "", Fault::reauthorize, "immediate_unsuccessful",
                "A login without any page was not possible. Connect again with the login page."},
    CallbackRow{"rate_limit_exceeded", "", Fault::try_later, "rate_limited",
                "Salesforce counts too many logins. Connect again in some minutes."},
    CallbackRow{"server_error", "", Fault::try_later, "server_error",
                "Salesforce had an internal error. Connect again later."},
    CallbackRow{"temporarily_unavailable", "", Fault::try_later, "temporarily_unavailable",
                "Salesforce is not available. Connect again later."},
    CallbackRow{"service_unavailable", "", Fault::try_later, "temporarily_unavailable",
                "Salesforce is not available. Connect again later."},
    CallbackRow{"system_down", "", Fault::try_later, "temporarily_unavailable",
                "Salesforce is not available. Connect again later."},
    CallbackRow{"unknown_error", "", Fault::try_later, "server_error",
                "Salesforce had an internal error. Connect again later."},
};

}  // namespace

std::span<const CallbackRow> callback_rows() {
    return rows;
}

}  // namespace latchkey::salesforce
