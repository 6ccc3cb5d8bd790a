#pragma once

#include <string_view>

#include <latchkey/error.h>

namespace latchkey {

/// GET, HEAD, POST, PUT, PATCH and DELETE; nothing that asks about the connection itself.
/// errors  bad_input  method_not_allowed
Result<void> check_method(std::string_view method);

/// Checks path and query as they will be forwarded: nothing is decoded, folded or normalised, so
/// whatever two readers could understand in two ways is refused.
///
/// The path starts with "/services/" and has no empty segment but a closing one, no "." or "..", no
/// ';', no byte outside RFC 3986's path characters, and no escape that is broken, double, of a
/// control, letter, digit, dot, slash, back-slash or semicolon, or that is not UTF-8. The query is
/// visible ASCII without '#'. At most 16 KiB in all.
///
/// errors  bad_input  path_not_allowed
///         denied     path_not_allowed: OAuth and login pages, where the token itself could be traded;
///                    SOAP, whose session is in the body
Result<void> check_target(std::string_view target);

/// True for the Bulk API's first version, which reads the session in X-SFDC-Session. It is written
/// beside Authorization for these alone. source  Bulk API Developer Guide, "Set a Session Header"
bool wants_session_line(std::string_view target);

}  // namespace latchkey
