#include "oauth/callback.h"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace latchkey;
using namespace latchkey::oauth;

const std::string good_state = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const std::string query = "code=aPrx.code%3D%3D&state=" + good_state;

AwaitedCallback awaited() {
    AwaitedCallback flow;
    flow.state_hash = state_hash(Secret{good_state});
    flow.provider = "production";
    flow.redirect_uri = "https://connect.example.com/oauth/callback/production";
    return flow;
}

CallbackQuery parsed(const std::string& text) {
    auto callback = parse_callback(text);
    REQUIRE(callback.has_value());
    return *callback;
}

std::string refused(const std::string& text) {
    const auto callback = parse_callback(text);
    REQUIRE(callback.has_error());
    CHECK(callback.error().fault == Fault::bad_input);
    return callback.error().code;
}

TEST_CASE("a code that came with the right state is decoded once and goes to its redirect URI") {
    const auto checked = check_callback(parsed(query), "production", awaited());
    REQUIRE(checked.has_value());
    CHECK(checked->code().reveal() == "aPrx.code==");
    CHECK(checked->redirect_uri() == awaited().redirect_uri);
}

TEST_CASE("A1: a callback without state, or with an empty one, is refused") {
    CHECK(refused("code=x") == "missing_parameter");
    CHECK(refused("code=x&state=") == "missing_parameter");
    CHECK(refused("") == "missing_parameter");
}

TEST_CASE("A2: a state of wrong length or alphabet is refused like an unknown one") {
    std::string with_nul = good_state;
    with_nul.replace(3, 1, "%00");
    for (const auto& state : {std::string{"short"}, good_state + "A", std::string(10000, 'a'),
                              std::string(43, '+'), with_nul, std::string(42, 'a') + "%3D"}) {
        CHECK(refused("code=x&state=" + state) == "invalid_state");
    }
    auto other = good_state;
    other[0] = 'F';
    const auto unknown = check_callback(parsed("code=x&state=" + other), "production", awaited());
    REQUIRE(unknown.has_error());
    CHECK(unknown.error().code == "invalid_state");
}

TEST_CASE("a flow that expects no state takes none") {
    auto nothing = awaited();
    nothing.state_hash.clear();
    CHECK(check_callback(parsed(query), "production", nothing).error().code == "invalid_state");
}

TEST_CASE("A7: a person's refusal is told apart from every failure, in both spellings") {
    for (const auto* word : {"access_denied", "access-denied"}) {
        const auto callback =
            parsed("error=" + std::string{word} +
                   "&error_description=end-user+denied+authorization&state=" + good_state);
        const auto checked = check_callback(callback, "production", awaited());
        REQUIRE(checked.has_error());
        CHECK(checked.error().fault == Fault::denied);
        CHECK(checked.error().code == "access_denied");
    }
}

TEST_CASE("an error word that everybody knows says who has to act; others are kept apart") {
    const auto meaning = [](const std::string& word) {
        return check_callback(parsed("error=" + word + "&state=" + good_state), "production",
                              awaited())
            .error();
    };
    CHECK(meaning("invalid_scope").fault == Fault::misconfigured);
    CHECK(meaning("invalid_scope").code == "invalid_scope");
    CHECK(meaning("server_error").fault == Fault::try_later);
    CHECK(meaning("login_required").fault == Fault::reauthorize);
    CHECK(meaning("OAUTH_SOMETHING_NEW").code == "authorization_failed");
    CHECK(meaning("OAUTH_SOMETHING_NEW").remote_text == "OAUTH_SOMETHING_NEW");
}

TEST_CASE("A9: what stands in error_description is cut to 256 printable characters") {
    const std::string hostile =
        "%3Cscript%3E%0D%0ASet-Cookie:%20a=b%1B%5B31m%E2%80%AE%00" + std::string(10000, 'x');
    const auto callback =
        parsed("error=server_error%0A&error_description=" + hostile + "&state=" + good_state);
    CHECK(callback.error == "server_error?");
    CHECK(callback.error_description.size() == 256);
    for (const char c : callback.error_description) {
        CHECK(c >= 0x20);
        CHECK(c <= 0x7e);
    }
    const auto checked = check_callback(callback, "production", awaited());
    CHECK(checked.error().remote_text.size() <= 256);
    CHECK(checked.error().message.find("script") == std::string::npos);
    // 100 kB do not fit into a callback at all.
    CHECK(refused("state=" + good_state +
                  "&error=x&error_description=" + std::string(100000, 'x')) == "invalid_callback");
}

TEST_CASE("A10: a parameter that stands twice is refused, whatever its values") {
    for (const auto* twice : {"state=x&state=x", "code=a&code=b", "iss=a&iss=a", "error=a&error=",
                              "error_description=a&error_description=b", "c%6Fde=a&code=a"}) {
        CHECK(refused(query + "&" + twice) == "duplicate_parameter");
    }
}

TEST_CASE("A11: code and error together, neither, and broken encoding are refused") {
    CHECK(refused(query + "&error=x") == "invalid_callback");
    CHECK(refused("state=" + good_state) == "missing_parameter");
    CHECK(refused(query + "%zz") == "invalid_callback");
}

TEST_CASE("A12: the issuer is the announced one, or absent where none is announced") {
    auto announced = awaited();
    announced.issuer = "https://login.salesforce.com";
    const auto answer = [&](const std::string& text, const AwaitedCallback& flow) {
        const auto checked = check_callback(parsed(text), "production", flow);
        return checked ? std::string{"accepted"} : checked.error().code;
    };
    const auto right = query + "&iss=https%3A%2F%2Flogin.salesforce.com";
    const auto wrong = query + "&iss=https%3A%2F%2Flogin.salesforce.com.evil.example";
    CHECK(answer(right, announced) == "accepted");
    CHECK(answer(wrong, announced) == "issuer_mismatch");
    CHECK(answer(query, announced) == "issuer_mismatch");
    CHECK(answer(query, awaited()) == "accepted");
    CHECK(answer(wrong, awaited()) == "issuer_mismatch");
}

TEST_CASE("A13: a callback on another provider's path hands no code over") {
    const auto checked = check_callback(parsed(query), "sandbox", awaited());
    REQUIRE(checked.has_error());
    CHECK(checked.error().code == "context_mismatch");
}

TEST_CASE("A28: parameters that a flow fixed when it was opened are ignored in the callback") {
    const auto checked = check_callback(
        parsed(query + "&redirect_uri=https%3A%2F%2Fevil.example&client_id=x&scope=full&scope=web"),
        "production", awaited());
    REQUIRE(checked.has_value());
    CHECK(checked->redirect_uri() == awaited().redirect_uri);
}

TEST_CASE("A22: a fragment is read only with the flow's own state") {
    const Secret state{good_state};
    const std::string fragment =
        "access_token=00Dxx%21tok&instance_url=https%3A%2F%2Facme.my.salesforce.com&id=i&issued_at="
        "1"
        "&signature=s%3D&scope=api&token_type=Bearer&state=" +
        good_state;
    const auto answer = read_fragment("", fragment, state);
    REQUIRE(answer.has_value());
    CHECK(answer->access_token.reveal() == "00Dxx!tok");
    CHECK(answer->instance_url == "https://acme.my.salesforce.com");
    CHECK(answer->signature == "s=");
    CHECK_FALSE(answer->refresh_token.has_value());

    CHECK(read_fragment("", fragment, Secret{"another"}).error().code == "invalid_state");
    CHECK(read_fragment("", "access_token=x", state).error().code == "missing_parameter");
    CHECK(read_fragment("", "state=" + good_state, state).error().code == "missing_parameter");
    CHECK(read_fragment("", fragment, Secret{}).error().code == "invalid_state");
}

TEST_CASE("A22: a token in the query, or twice in the fragment, or with a line break is refused") {
    const Secret state{good_state};
    const auto with_state = "&state=" + good_state;
    CHECK(read_fragment("access_token=x", "access_token=x" + with_state, state).error().code ==
          "token_in_query");
    CHECK(read_fragment("a=1&refresh_token=x", "access_token=x" + with_state, state).error().code ==
          "token_in_query");
    CHECK(read_fragment("", "access_token=x&access_token=x" + with_state, state).error().code ==
          "duplicate_parameter");
    CHECK(read_fragment("", "access_token=x%0D%0AHost:y" + with_state, state).error().code ==
          "missing_parameter");
}

}  // namespace
