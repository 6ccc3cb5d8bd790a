#pragma once

#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "base/text.h"
#include "net/http_server.h"

namespace latchkey::emulator {

/// JSON that no cache may keep, as all of the OAuth endpoints answer.
Reply json_answer(int status, const boost::json::value& body);
/// Plain text.
Reply text_reply(int status, std::string body);
/// {"error", "error_description"}.
Reply oauth_error(int status, std::string_view error, std::string_view description);
/// What Salesforce shows instead of redirecting to somebody it does not trust: status 400, and the
/// error as form-encoded text.
Reply page_error(std::string_view error, std::string_view description);
/// A page that nobody may frame, cache or run a script in.
Reply html_reply(int status, std::string body);
Reply redirect(std::string location);
/// The page of an org in maintenance: 503.
Reply maintenance_reply();

/// `fields` put behind `uri`: as more of its query, or as its fragment.
std::string with_query(std::string_view uri, const FormFields& fields);
std::string with_fragment(std::string_view uri, const FormFields& fields);

}  // namespace latchkey::emulator
