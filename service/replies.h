#pragma once

#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include <latchkey/api_key.h>
#include <latchkey/connection.h>
#include <latchkey/error.h>

#include "facade/session_desk.h"
#include "net/http_server.h"

namespace latchkey::service {

/// The HTTP status of an error of the library.
int status_of(const Error& error);

/// An answer of ours with a JSON body: no-store, nosniff, Latchkey-Answer: gateway.
Reply json_reply(int status, const boost::json::value& body);
/// The same with a body that was written down before.
Reply json_text_reply(int status, std::string body);

/// {"error": code, "message": ..., "request_id": ...}, with Retry-After where it is known and
/// WWW-Authenticate on 401. What Salesforce said goes to the log, not here.
Reply error_reply(const Error& error, const std::string& request_id);

/// The same in Salesforce's form, for its SDKs: [{"message": ..., "errorCode": "INVALID_SESSION_ID"}].
/// A session that is no good has Salesforce's own code; every other code is ours in capitals.
Reply sdk_error_reply(const Error& error);

/// 404 for a path or method that a listener does not have.
Reply no_such_route(const std::string& request_id);
Reply method_not_allowed(std::string_view allowed, const std::string& request_id);

boost::json::object to_json(const Connection& connection);
boost::json::object to_json(const ApiKey& key);
/// An access token as it is handed out.
boost::json::object to_json(const AccessToken& token);
boost::json::object to_json(const GatewaySession& session);

}  // namespace latchkey::service
