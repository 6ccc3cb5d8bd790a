#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/secret.h>

namespace latchkey {

/// How we prove who we are at the token endpoint (RFC 6749 section 2.3).
struct SecretProof {
    Secret client_secret;  ///< sent in the form body (client_secret_post)
    SecretProof() = default;
    explicit SecretProof(Secret secret) : client_secret(std::move(secret)) {}
};
/// A public client: nothing but its id; PKCE protects the code.
struct PublicProof {};
using ClientProof = std::variant<SecretProof, PublicProof>;

/// What to do when nobody can tell whether a refresh token was spent and introspection is no help.
enum class UncertainPolicy {
    wait,    ///< serve the last access token; after it is refused, one recorded second use
    reauth,  ///< ask the end user to connect again at once
};

/// One registration at Salesforce: a connected app or External Client App.
/// There is no setting for refresh token rotation: every answer is treated as if it may rotate.
struct Provider {
    ProviderId id;
    std::string client_id;
    ClientProof proof;
    /// Where users log in: scheme, host, optional port and, for Experience Cloud sites, a path.
    /// Absent: the connect session names one or the person chooses. A loopback URL may be plain
    /// http and then allows that one origin as token, identity and instance host; every other
    /// provider refuses plain http and loopback.
    std::optional<std::string> login_url;
    std::string redirect_uri;  ///< sent and compared byte for byte
    std::vector<std::string> scopes = {"api", "refresh_token", "id"};
    /// Where a browser may be sent after the callback; exact URLs, https, or http on 127.0.0.1/[::1].
    std::vector<std::string> return_urls;
    /// `--dev` only: any http URL on a loopback host is a return URL too.
    bool any_loopback_return_url = false;
    UncertainPolicy uncertain = UncertainPolicy::wait;
    /// False: what introspection says about this client's refresh tokens is not believed, so a doubt
    /// is settled by `uncertain` alone.
    bool introspection_trusted = true;
    /// How many refreshes a second one process begins at most, 1 to 100000. Half of them may be of
    /// one org; a tenth, and a fiftieth of one org, may be planned ones that nobody waits for.
    int refreshes_per_second = 100;
};

}  // namespace latchkey
