#pragma once

#include <optional>
#include <string_view>

#include "endpoint/token_endpoint.h"

namespace latchkey {

/// Reads a 200 of the introspection endpoint (RFC 7662 section 2.2). nullopt if it is no JSON
/// object, says `active` other than once as true or false, or stands twice with different values: a
/// token's life is not decided on a guess.
std::optional<Introspection> read_introspection(std::string_view body);

/// True if the answer says that this client may not ask, or that nobody can.
bool refuses_introspection(int status, std::string_view body);

}  // namespace latchkey
