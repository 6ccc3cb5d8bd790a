#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace latchkey::emulator {

/// The pages a person sees. Plain HTML forms that work in any browser without script, and that a
/// program can fill in: a text input `username`, a password input `pw`, hidden inputs to send back.
/// Every text is escaped here.

/// `flow` comes back with the form; `problem` is shown above it if it is not empty.
std::string login_page(std::string_view flow, std::string_view username, std::string_view display,
                       std::string_view problem);
/// Two buttons named `decision`, with the values `allow` and `deny`.
std::string consent_page(std::string_view flow, std::string_view client, std::string_view username,
                         const std::vector<std::string>& scopes, std::string_view display);
/// One heading and one sentence.
std::string plain_page(std::string_view heading, std::string_view sentence);

/// The value of the Content-Security-Policy header that fits these pages.
const std::string& page_policy();

}  // namespace latchkey::emulator
