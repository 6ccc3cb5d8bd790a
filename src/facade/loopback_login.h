#pragma once

#include <string>
#include <string_view>

#include <latchkey/latchkey.h>

#include "facade/house.h"

namespace latchkey {

/// Where the ticket of a login in this process goes: nowhere. The flow has to name a return URL, and
/// this one is read here and never sent to a browser.
inline constexpr std::string_view loopback_return_url = "http://127.0.0.1/latchkey-loopback-login";

/// The key that opens and completes logins in this process; no caller of a server has it.
inline constexpr std::string_view loopback_owner = "loopback";

/// All four steps of connecting in one process, which listens on the loopback port of the provider's
/// redirect URI until the person has come back or `login.wait` is over (RFC 8252 section 7.3;
/// Salesforce CLI, "org login web").
///
/// The cookie that ties a flow to a browser stays in this process: what binds the flow here is that
/// the callback comes to the port of the process that opened it. A callback with another state, a
/// request for anything else, and a page that was lured here by a foreign host name are turned away,
/// and the login goes on waiting.
///
/// errors  those of ConnectFlow
///         bad_input      show_missing
///         misconfigured  redirect_not_loopback, address_in_use
///         try_later      login_not_finished: the person did not come back in time
///         denied, misconfigured, ...  what Salesforce sent the person back with
Task<Connection> loopback_login(House& house, LoopbackLogin login, Deadline by);

}  // namespace latchkey
