#include "oauth/pkce.h"

#include "base/text.h"
#include "oauth/sha256.h"

namespace latchkey::oauth {

Pkce make_pkce(Random& random) {
    Pkce made;
    made.verifier = Secret::take(random_text(random, 32));
    made.challenge = challenge_of(made.verifier);
    return made;
}

std::string challenge_of(const Secret& verifier) {
    return base64url(sha256(verifier.reveal()));
}

}  // namespace latchkey::oauth
