#pragma once

#include <string>
#include <string_view>

#include <latchkey/error.h>
#include <latchkey/secret.h>

namespace latchkey::salesforce {

/// Org and user of an identity URL (".../id/ORG/USER"), as 18-character ids; the host is not looked
/// at, since login, My Domain and site logins all answer for the same user.
struct Identity {
    std::string org_id;
    std::string user_id;
    bool operator==(const Identity&) const = default;
};
/// errors  bad_input  invalid_identity_url
Result<Identity> parse_identity_url(std::string_view url);

/// The 18-character form of a 15-character id; an 18-character id is checked against its suffix.
/// errors  bad_input  invalid_id
Result<std::string> id18(std::string_view id);

/// base64(HMAC-SHA256(client_secret, id + issued_at)), compared in constant time. It vouches for
/// the identity URL alone, not for the tokens.
bool signature_matches(const Secret& client_secret, std::string_view id, std::string_view issued_at,
                       std::string_view signature);

/// Who logged in, as the identity URL's or userinfo's JSON says.
struct Profile {
    std::string org_id;
    std::string user_id;
    std::string username;
    std::string display_name;
};
/// errors  bad_input  invalid_identity_answer
Result<Profile> read_profile(std::string_view json);

}  // namespace latchkey::salesforce
