#pragma once

#include <string_view>

#include "facade/check_providers.h"
#include "net/http_server.h"

/// What a browser gets from the loopback port: small pages without scripts, and refusals. Pure.
namespace latchkey {

/// A page with one heading and one sentence; both are escaped here.
Reply loopback_page(int status, std::string_view heading, std::string_view sentence);

enum class LoopbackAsk {
    callback,   ///< the way back from Salesforce
    preflight,  ///< Chrome asks whether a public page may lead to this machine
    other,      ///< a favicon, another path, another method, another host name
};
/// `place` is where the login listens. A Host line that names anything else is a page elsewhere whose
/// name was pointed at this machine.
LoopbackAsk what_is_asked(const ServedRequest& request, const LoopbackPlace& place);

/// Lets the navigation pass that comes from a login page: Salesforce's hosts, or exactly
/// `login_origin` (Private Network Access, "CORS preflight").
Reply preflight_reply(const ServedRequest& request, std::string_view login_origin);

}  // namespace latchkey
