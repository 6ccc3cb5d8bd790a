#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <latchkey/error.h>
#include <latchkey/secret.h>

namespace latchkey::oauth {

/// The query of a callback, parsed but not believed.
struct CallbackQuery {
    Secret state;
    std::optional<Secret> code;
    std::string error;                  ///< empty if there was a code; at most 64 printable bytes
    std::string error_description;      ///< other people's text: printable, at most 256 bytes
    std::optional<std::string> issuer;  ///< RFC 9207
};

/// Reads the bytes after the '?'. Parameters other than these five are ignored: a flow's parameters
/// were fixed when it was opened.
/// errors  bad_input  missing_parameter (no state; neither code nor error),
///                    duplicate_parameter, invalid_state (not 43 characters of base64url),
///                    invalid_callback (code and error together, broken encoding, over 16 KiB)
Result<CallbackQuery> parse_callback(std::string_view query);

/// SHA-256 of a state, base64url: what a flow is looked up by. States have 256 random bits, so an
/// unkeyed hash gives nothing away.
std::string state_hash(const Secret& state);

/// What the flow expects of its callback.
struct AwaitedCallback {
    std::string state_hash;
    std::string provider;  ///< name of the configuration the flow was opened for
    std::string redirect_uri;
    std::optional<std::string> issuer;  ///< announced by the server; absent: none is announced
};

/// A code that came with the right state, to the right place, from the right issuer. Only
/// check_callback makes one, and a code exchange takes nothing else.
class CheckedCallback {
public:
    const Secret& code() const { return code_; }
    const std::string& redirect_uri() const { return redirect_uri_; }

private:
    friend Result<CheckedCallback> check_callback(const CallbackQuery&, std::string_view,
                                                  const AwaitedCallback&);
    CheckedCallback(Secret code, std::string redirect_uri)
        : code_(std::move(code)), redirect_uri_(std::move(redirect_uri)) {}
    Secret code_;
    std::string redirect_uri_;
};

/// `arrived_at` is the name of the configuration in the callback's path.
/// errors  bad_input    invalid_state, context_mismatch, issuer_mismatch
///         denied       access_denied (the person refused)
///         misconfigured, reauthorize, try_later  what the server's error means; code is the
///                      server's own error word if it is a known one, else authorization_failed
Result<CheckedCallback> check_callback(const CallbackQuery& query, std::string_view arrived_at,
                                       const AwaitedCallback& awaited);

/// The fragment of a user-agent callback, parsed; `state` already compared with `expected_state`.
/// errors  bad_input  invalid_state, token_in_query, missing_parameter, duplicate_parameter
struct FragmentAnswer {
    Secret access_token;
    std::optional<Secret> refresh_token;
    std::string instance_url;
    std::string id;
    std::string issued_at;
    std::string signature;
    std::string scope;
};
Result<FragmentAnswer> read_fragment(std::string_view query, std::string_view fragment,
                                     const Secret& expected_state);

}  // namespace latchkey::oauth
