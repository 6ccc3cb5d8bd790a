#include "oauth/pkce.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "base/text.h"

namespace {

using latchkey::Secret;
using latchkey::SystemRandom;
using latchkey::oauth::challenge_of;
using latchkey::oauth::make_pkce;

TEST_CASE("the challenge of RFC 7636 appendix B comes out") {
    const Secret verifier{"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"};
    CHECK(challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST_CASE("A17: every flow has a verifier of 43 characters of its own and its S256 challenge") {
    SystemRandom random;
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto pkce = make_pkce(random);
        CHECK(pkce.verifier.size() == 43);
        CHECK(latchkey::from_base64url(pkce.verifier.reveal()).has_value());
        CHECK(pkce.challenge == challenge_of(pkce.verifier));
        CHECK(pkce.challenge.size() == 43);
        seen.emplace(pkce.verifier.reveal());
    }
    CHECK(seen.size() == 100);
}

}  // namespace
