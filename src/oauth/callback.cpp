#include "oauth/callback.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "oauth/sha256.h"
#include "oauth/token_text.h"

namespace latchkey::oauth {
namespace {

constexpr std::size_t query_limit = 16 * 1024;
constexpr std::size_t fragment_limit = 64 * 1024;
constexpr std::size_t state_size = 43;  // 32 bytes as base64url

/// Fields whose values may be secrets: wiped when they go.
class Fields {
public:
    explicit Fields(FormFields fields) : fields_(std::move(fields)) {}
    Fields(const Fields&) = delete;
    Fields& operator=(const Fields&) = delete;
    ~Fields() {
        for (auto& field : fields_) wipe(field.second);
    }

    bool repeats(std::string_view name) const { return count(fields_, name) > 1; }
    /// RFC 6749 section 3.1: a parameter without a value counts as left out.
    std::string_view value(std::string_view name) const {
        for (const auto& [field, value] : fields_) {
            if (field == name) return value;
        }
        return {};
    }

private:
    FormFields fields_;
};

Error invalid_callback(const char* why) {
    return {Fault::bad_input, "invalid_callback",
            std::string{why} + " Start the connection again from the app."};
}

Error duplicate() {
    return {Fault::bad_input, "duplicate_parameter",
            "The callback has a parameter twice, so none was used. Start the connection again from "
            "the app."};
}

Error missing(const char* what) {
    return {
        Fault::bad_input, "missing_parameter",
        std::string{"The callback has no "} + what + ". Start the connection again from the app."};
}

Error invalid_state() {
    return {Fault::bad_input, "invalid_state",
            "The callback's state is not one that was given out here. Start the connection again "
            "from the app."};
}

/// What the error words of an authorization response mean: RFC 6749 section 4.1.2.1, OpenID Connect
/// Core section 3.1.2.6, and those of Salesforce that say the same for everybody.
struct KnownWord {
    std::string_view word;
    Fault fault;
    const char* message;
};
constexpr std::array<KnownWord, 14> known_words = {{
    {"invalid_request", Fault::misconfigured,
     "The authorization server found the request malformed. Check the app's settings for PKCE and "
     "its callback URL."},
    {"unauthorized_client", Fault::misconfigured,
     "The authorization server does not allow this app to ask for a code. Enable the web server "
     "flow for it."},
    {"unsupported_response_type", Fault::misconfigured,
     "The authorization server does not issue codes here. Check the login URL."},
    {"invalid_scope", Fault::misconfigured,
     "The app asked for a scope it does not have. Add the scope to the app or ask for less."},
    {"invalid_client", Fault::misconfigured,
     "The authorization server does not accept this app. An administrator of the org has to "
     "install "
     "or allow it."},
    {"invalid_client_id", Fault::misconfigured,
     "The authorization server does not know the client id. Check it; a new app needs some "
     "minutes."},
    {"redirect_uri_mismatch", Fault::misconfigured,
     "The callback URL is not one of the app's. Register it exactly as configured here."},
    {"server_error", Fault::try_later,
     "The authorization server had an internal error. Connect again later."},
    {"temporarily_unavailable", Fault::try_later,
     "The authorization server is not available. Connect again later."},
    {"login_required", Fault::reauthorize,
     "The person was not logged in to Salesforce. Connect again and log in."},
    {"consent_required", Fault::reauthorize,
     "The person has not approved the app. Connect again and approve it."},
    {"interaction_required", Fault::reauthorize,
     "The login needs the person's attention. Connect again and follow its pages."},
    {"account_selection_required", Fault::reauthorize,
     "The person has to choose an account. Connect again and choose one."},
    {"immediate_unsuccessful", Fault::reauthorize,
     "A login without any page was not possible. Connect again with the login page."},
}};

Error refusal(const CallbackQuery& query) {
    std::string remote = query.error;
    if (!query.error_description.empty()) remote += ": " + query.error_description;
    remote = printable(remote);
    // Salesforce's help spells it with a hyphen in one place.
    if (query.error == "access_denied" || query.error == "access-denied") {
        return {Fault::denied, "access_denied",
                "The person refused to connect. Ask again when they agree.", std::move(remote)};
    }
    for (const auto& known : known_words) {
        if (known.word == query.error) {
            return {known.fault, std::string{known.word}, known.message, std::move(remote)};
        }
    }
    return {Fault::misconfigured, "authorization_failed",
            "The authorization server refused the connection for a reason of its own. Look at its "
            "words, then at the app's policies in the org.",
            std::move(remote)};
}

Secret secret_of(std::string_view text) {
    return Secret{text};
}

}  // namespace

Result<CallbackQuery> parse_callback(std::string_view query) {
    if (query.size() > query_limit) return invalid_callback("The callback is over 16 KiB.");
    auto parsed = parse_form(query);
    if (!parsed) return invalid_callback("The callback's encoding is broken.");
    const Fields fields{std::move(*parsed)};

    // Before anything is looked at: which of two values a reader takes is what an attack plays on.
    for (const auto name : {"state", "code", "error", "error_description", "iss"}) {
        if (fields.repeats(name)) return duplicate();
    }
    const auto state = fields.value("state");
    if (state.empty()) return missing("state");
    if (state.size() != state_size || !from_base64url(state)) return invalid_state();

    const auto code = fields.value("code");
    const auto error = fields.value("error");
    if (code.empty() && error.empty()) return missing("code");
    if (!code.empty() && !error.empty()) {
        return invalid_callback("The callback has a code and an error.");
    }

    CallbackQuery callback;
    callback.state = secret_of(state);
    if (!code.empty()) callback.code = secret_of(code);
    callback.error = printable(error, 64);
    callback.error_description = printable(fields.value("error_description"));
    if (const auto issuer = fields.value("iss"); !issuer.empty()) {
        callback.issuer = std::string{issuer};
    }
    return callback;
}

std::string state_hash(const Secret& state) {
    return base64url(sha256(state.reveal()));
}

Result<CheckedCallback> check_callback(const CallbackQuery& query, std::string_view arrived_at,
                                       const AwaitedCallback& awaited) {
    if (awaited.state_hash.empty() || state_hash(query.state) != awaited.state_hash) {
        return invalid_state();
    }
    if (arrived_at != awaited.provider) {
        return Error{
            Fault::bad_input, "context_mismatch",
            "The callback came to another provider's address than the flow was opened for. "
            "Give every provider its own redirect URI and start again."};
    }
    // An issuer that nobody announced cannot be compared with anything: RFC 9207 section 2.4 says
    // to discard the answer.
    if (query.issuer != awaited.issuer) {
        return Error{
            Fault::bad_input, "issuer_mismatch",
            "The callback does not come from the authorization server that was asked. Start "
            "the connection again from the app."};
    }
    if (!query.code) return refusal(query);
    return CheckedCallback{*query.code, awaited.redirect_uri};
}

Result<FragmentAnswer> read_fragment(std::string_view query, std::string_view fragment,
                                     const Secret& expected_state) {
    if (query.size() > query_limit || fragment.size() > fragment_limit)
        return missing("readable answer");
    auto in_query = parse_form(query);
    auto in_fragment = parse_form(fragment);
    if (!in_query || !in_fragment) return missing("readable answer");
    const Fields asked{std::move(*in_query)};
    const Fields fields{std::move(*in_fragment)};

    // A query reaches servers, their logs and Referer lines: whoever put a token there is not the
    // authorization server.
    for (const auto name : {"access_token", "refresh_token", "id_token"}) {
        if (!asked.value(name).empty()) {
            return Error{Fault::bad_input, "token_in_query",
                         "A token came in the callback's query, where it must never be. Treat that "
                         "token as stolen, revoke it, and start again."};
        }
    }
    for (const auto name : {"state", "access_token", "refresh_token", "instance_url", "id",
                            "issued_at", "signature", "scope", "error"}) {
        if (fields.repeats(name)) return duplicate();
    }
    const auto state = fields.value("state");
    if (state.empty()) return missing("state");
    if (expected_state.empty() || !secret_of(state).same_as(expected_state)) return invalid_state();

    FragmentAnswer answer;
    answer.access_token = secret_of(fields.value("access_token"));
    if (!is_token_text(answer.access_token.reveal())) {
        Error problem = missing("access_token");
        problem.remote_text = printable(fields.value("error"), 64);
        return problem;
    }
    if (const auto token = fields.value("refresh_token"); !token.empty()) {
        answer.refresh_token = secret_of(token);
    }
    answer.instance_url = fields.value("instance_url");
    answer.id = fields.value("id");
    answer.issued_at = fields.value("issued_at");
    answer.signature = fields.value("signature");
    answer.scope = fields.value("scope");
    return answer;
}

}  // namespace latchkey::oauth
