#pragma once

#include <string>
#include <string_view>

#include <latchkey/connect.h>
#include <latchkey/error.h>

#include "net/http_server.h"

namespace latchkey::service {

/// Pages that the end user sees. Plain HTML without script; every one refuses frames, openers,
/// caching and foreign content.

/// The page behind a connect link: one form, one button, and a field for the login host where
/// neither the session nor the provider names one. `login_origin` may be empty.
Reply connect_page(const LinkView& view, const std::string& login_origin);

/// What went wrong, who must act, and nothing else.
Reply error_page(int status, const Error& error, const std::string& request_id);

/// 303 to `location`, with the same protective lines.
Reply see_other(const std::string& location);

}  // namespace latchkey::service
