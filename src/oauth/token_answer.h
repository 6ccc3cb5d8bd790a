#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <latchkey/secret.h>

namespace latchkey::oauth {

/// What a 200 of the token endpoint says, in its own words. Nothing but shapes has been checked.
struct TokenAnswer {
    Secret access_token;
    std::optional<Secret> refresh_token;
    std::optional<Secret> id_token;
    std::string token_type;    ///< as sent; empty if absent
    std::string instance_url;  ///< as sent; empty if absent
    std::string id;            ///< identity URL as sent; empty if absent
    std::string issued_at;     ///< digits as sent, also if it was a JSON number; empty if absent
    std::string signature;     ///< empty if absent
    std::vector<std::string> scopes;
    bool scopes_said = false;                ///< the answer had a scope member
    std::optional<std::int64_t> expires_in;  ///< seconds, 1 to ten years; nonsense counts as absent
};

/// How much of a 200's body could be believed.
enum class AnswerShape {
    whole,       ///< a JSON object, each member once
    salvaged,    ///< cut or malformed, but a complete, unambiguous top-level refresh_token came
    unreadable,  ///< nothing in it may be used
};

struct ReadAnswer {
    AnswerShape shape = AnswerShape::unreadable;
    TokenAnswer answer;  ///< salvaged: refresh_token, and access_token and instance_url if whole
    std::string what_is_wrong;  ///< for unreadable and salvaged: our words, no content
};

/// Reads a 200's body: JSON of at most 1 MiB and 32 levels. `whole` is what the transport said.
/// A member that stands twice with different values makes it unreadable. A refresh_token that is
/// not a non-empty string of at most 16 KiB makes it unreadable.
ReadAnswer read_token_answer(std::string_view body, bool whole);

/// An OAuth error in any of the shapes Salesforce uses: JSON object, JSON array, plain text,
/// form-encoded.
struct OAuthError {
    std::string error;        ///< at most 64 printable bytes; empty if none could be read
    std::string description;  ///< at most 256 printable bytes
};
OAuthError read_oauth_error(std::string_view body);

}  // namespace latchkey::oauth
