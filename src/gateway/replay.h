#pragma once

#include <string_view>

#include <latchkey/error.h>
#include <latchkey/token_set.h>

#include "base/origin.h"
#include "net/http.h"

namespace latchkey {

/// Where a token may be sent: the stored instance URL, which was checked against the host rules
/// when it was stored, is an origin, and without TLS only a loopback one. errors  denied
/// host_rejected
Result<Origin> instance_of(const AccessToken& token);

/// True if an answer says that its request was refused for the session alone, unread: it has not
/// been done, so it may be sent again with a newer token. An answer that was cut says nothing.
bool wants_newer_token(const HttpResponse& answer);

/// The same of an answer of which only the beginning is held. `may_mean_dead_session` says from the
/// status alone whether that is worth a look.
bool may_mean_dead_session(int status);
bool means_dead_session(int status, std::string_view content_type, std::string_view body_beginning);

/// True if the demand for a newer token failed in a way that makes Salesforce's own answer the best
/// one there is: a newer token was asked for only a moment ago (threats: rotation budget).
bool keeps_first_answer(const Error& no_newer_token);

/// What the transport's failure means to the caller of an API call.
/// returns  try_later upstream_unreachable, upstream_busy · outcome_unknown upstream_answer_lost,
///          upstream_timeout · misconfigured with the transport's own code · bad_input
///          invalid_header
Error call_failed(const Error& transport);
/// An answer whose body ended too soon.
Error answer_cut();

}  // namespace latchkey
