#pragma once

#include <string>
#include <string_view>

#include <latchkey/error.h>
#include <latchkey/provider.h>

#include "base/text.h"

namespace latchkey {

/// Whether a browser may be sent to `wanted` after the callback. Pure.
///
/// The URL has to equal a listed one byte for byte: nothing is normalised, so there is nothing that
/// a browser could normalise otherwise. One part is free (RFC 8252 section 7.3): where the listed
/// URL is http on 127.0.0.1 or [::1], the port may be any, because a program that listens on
/// loopback takes the port it gets. With `any_loopback_return_url` every http URL on 127.0.0.1,
/// [::1] or localhost will do, for development.
///
/// Listed or not, a URL is refused unless every reader must see the same thing in it: at most 2,000
/// bytes of printable ASCII; scheme in small letters, https, or http on 127.0.0.1 or [::1]; a host
/// name of lower-case letters, digits, hyphens and dots, or a dotted IPv4 address; no user info, no
/// fragment, no back-slash, no dot segment, no encoded separator or percent sign in the path; no
/// `ticket`, `flow` or `error` in the query, since those are what it gets added.
///
/// errors  bad_input  invalid_return_url (message says which rule)
/// source  RFC 9700 section 4.11.1; RFC 6749 section 3.1.2
Result<void> check_return_url(const Provider& provider, std::string_view wanted);

/// `url` with the fields added to its query. `url` has passed check_return_url.
std::string with_fields(std::string_view url, const FormFields& fields);

}  // namespace latchkey
