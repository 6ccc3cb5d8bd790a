#include <doctest/doctest.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "emulator/bench.h"
#include "emulator/ids.h"

namespace latchkey::emulator::test {

namespace json = boost::json;

constexpr auto ada = "/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS";

TEST_CASE("the suffix of a long id tells which characters are capitals") {
    CHECK(long_id("00Dxx0000001gPL") == "00Dxx0000001gPLEAY");
    CHECK(long_id("005xx000001SwiU") == "005xx000001SwiUAAS");
    CHECK(long_id("too-short") == "too-short");
}

TEST_CASE("tokens, codes and ids have Salesforce's shapes and follow from the seed alone") {
    Ids one{7};
    Ids same{7};
    Ids other{8};
    const auto access = one.access_token("00Dxx0000001gPLEAY");
    CHECK(access == same.access_token("00Dxx0000001gPLEAY"));
    CHECK(access != other.access_token("00Dxx0000001gPLEAY"));
    CHECK(access.size() == 112);
    CHECK(one.refresh_token().size() == 87);
    const auto code = one.code();
    CHECK(code.starts_with("aPrx"));
    CHECK(code.ends_with("=="));
    CHECK(one.code() != code);
    const auto plain = access.substr(16);
    CHECK(plain.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "._") == std::string::npos);
}

TEST_CASE("the identity URL tells who it is, with templates that a version fills in") {
    Bench bench;
    const auto mine = bench.connect();
    const auto reply = bench.get(ada, mine.access);
    REQUIRE(reply.status == 200);
    const auto body = Bench::json(reply);
    CHECK(Bench::text(body, "id") == std::string{"http://127.0.0.1:8788"} + ada);
    CHECK(Bench::text(body, "user_id") == "005xx000001SwiUAAS");
    CHECK(Bench::text(body, "organization_id") == "00Dxx0000001gPLEAY");
    CHECK(Bench::text(body, "username") == "ada@acme.example");
    CHECK(Bench::text(body, "display_name") == "Ada Lovelace");
    CHECK(body.at("asserted_user").as_bool());
    const auto& urls = body.at("urls");
    CHECK(Bench::text(urls, "users") ==
          "http://127.0.0.1:8788/services/data/v{version}/chatter/users");
    CHECK(Bench::text(urls, "custom_domain") == "http://127.0.0.1:8788");
    const auto latest = Bench::json(bench.get(std::string{ada} + "?version=latest", mine.access));
    CHECK(Bench::text(latest.at("urls"), "rest") == "http://127.0.0.1:8788/services/data/v68.0/");
    // jsforce sends the token as a parameter as well; alone it is enough.
    CHECK(bench.get(ada + std::string{"?format=json&oauth_token="} + percent_encode(mine.access))
              .status == 200);
    // 15 characters do, and another user may be looked up.
    const auto grace = Bench::json(bench.get("/id/00Dxx0000001gPL/005xx000001SwiV", mine.access));
    CHECK(Bench::text(grace, "username") == "grace@acme.example");
    CHECK_FALSE(grace.at("asserted_user").as_bool());
}

TEST_CASE("identity and userinfo refuse with one plain word and 403") {
    Bench bench;
    const auto mine = bench.connect();
    for (const auto* path : {ada, "/services/oauth2/userinfo"}) {
        CHECK(bench.get(path).status == 403);
        CHECK(bench.get(path).body == "Missing_OAuth_Token");
        CHECK(bench.get(path, "00Dxx0000001gPL!nothing").body == "Bad_OAuth_Token");
        CHECK(Bench::header(bench.get(path), "Content-Type").starts_with("text/plain"));
    }
    CHECK(bench.get("/id/00Dxx0000009gPLEAY/005xx000001SwiUAAS", mine.access).body == "Wrong_Org");
    const auto unknown = bench.get("/id/00Dxx0000001gPLEAY/005xx000009SwiUAAS", mine.access);
    CHECK(unknown.status == 404);
    CHECK(unknown.body == "Bad_Id");
    bench.control("POST", "sessions/expire");
    CHECK(bench.get(ada, mine.access).body == "Bad_OAuth_Token");
}

TEST_CASE("userinfo names the same subject as the id_token") {
    Bench bench;
    const auto mine = bench.connect();
    const auto body = Bench::json(bench.get("/services/oauth2/userinfo", mine.access));
    CHECK(Bench::text(body, "sub") == std::string{"http://127.0.0.1:8788"} + ada);
    CHECK(Bench::text(body, "user_id") == "005xx000001SwiUAAS");
    CHECK(Bench::text(body, "organization_id") == "00Dxx0000001gPLEAY");
    CHECK(Bench::text(body, "preferred_username") == "ada@acme.example");
    const auto narrow = bench.connect({{"scope", "web refresh_token"}});
    CHECK(bench.get("/services/oauth2/userinfo", narrow.access).body == "Bad_OAuth_Token");
}

/// Whether `jwt` is signed by the first key of `key_set`.
bool verifies(const std::string& jwt, const json::value& key_set) {
    const auto& key = key_set.at("keys").at(0);
    const auto n = from_base64url(Bench::text(key, "n")).value();
    const auto e = from_base64url(Bench::text(key, "e")).value();
    const auto number = [](const std::string& bytes) {
        return BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                         static_cast<int>(bytes.size()), nullptr);
    };
    BIGNUM* modulus = number(n);
    BIGNUM* exponent = number(e);
    OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent);
    OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
    EVP_PKEY* pair = nullptr;
    EVP_PKEY_fromdata_init(context);
    EVP_PKEY_fromdata(context, &pair, EVP_PKEY_PUBLIC_KEY, parameters);
    EVP_MD_CTX* digest = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(digest, nullptr, EVP_sha256(), nullptr, pair);
    const auto dot = jwt.rfind('.');
    const auto signature = from_base64url(jwt.substr(dot + 1)).value();
    const bool good =
        EVP_DigestVerify(digest, reinterpret_cast<const unsigned char*>(signature.data()),
                         signature.size(), reinterpret_cast<const unsigned char*>(jwt.data()),
                         dot) == 1;
    EVP_MD_CTX_free(digest);
    EVP_PKEY_free(pair);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    return good;
}

TEST_CASE("with openid there is an id_token that verifies against the published keys") {
    Bench bench;
    const auto code = Bench::carried(
        bench.walk({{"scope", "openid api refresh_token"}, {"nonce", "n-1"}}), "code");
    const auto answer = Bench::json(bench.exchange(code));
    const auto jwt = Bench::text(answer, "id_token");
    const auto keys = Bench::json(bench.get("/id/keys"));
    CHECK(verifies(jwt, keys));
    CHECK_FALSE(verifies("x" + jwt, keys));

    const auto first = jwt.find('.');
    const auto header = json::parse(from_base64url(jwt.substr(0, first)).value());
    CHECK(Bench::text(header, "alg") == "RS256");
    CHECK(Bench::text(header, "kid") == Bench::text(keys.at("keys").at(0), "kid"));
    const auto claims =
        json::parse(from_base64url(jwt.substr(first + 1, jwt.rfind('.') - first - 1)).value());
    const auto issuer =
        Bench::text(Bench::json(bench.get("/.well-known/openid-configuration")), "issuer");
    CHECK(Bench::text(claims, "iss") == issuer);
    CHECK(Bench::text(claims, "aud") == "latchkey-demo");
    CHECK(Bench::text(claims, "sub") == Bench::text(answer, "id"));
    CHECK(Bench::text(claims, "nonce") == "n-1");
    CHECK(Bench::text(claims, "at_hash") ==
          base64url(sha256(Bench::text(answer, "access_token")).substr(0, 16)));
    CHECK(claims.at("exp").as_int64() - claims.at("iat").as_int64() == 120);

    const auto next = Bench::json(bench.refresh(Bench::text(answer, "refresh_token")));
    CHECK(verifies(Bench::text(next, "id_token"), keys));
}

TEST_CASE("discovery names every endpoint under the name the caller used") {
    Bench bench;
    auto request = Bench::request("GET", "/.well-known/openid-configuration");
    request.headers.set("Host", "localhost:9999");
    const auto body = Bench::json(bench.send(std::move(request)));
    CHECK(Bench::text(body, "issuer") == "http://localhost:9999");
    CHECK(Bench::text(body, "token_endpoint") == "http://localhost:9999/services/oauth2/token");
    CHECK(Bench::text(body, "jwks_uri") == "http://localhost:9999/id/keys");

    for (const auto& field : body.as_object()) {
        CHECK(field.value().is_array() == field.key().ends_with("_supported"));
    }

    auto foreign = Bench::request("GET", "/.well-known/openid-configuration");
    foreign.headers.set("Host", "evil.example");
    CHECK(Bench::text(Bench::json(bench.send(std::move(foreign))), "issuer") ==
          "http://127.0.0.1:8788");
}

TEST_CASE("single access gives a link into the org's pages") {
    Bench bench;
    const auto mine = bench.connect();
    const auto reply =
        bench.get("/services/oauth2/singleaccess?redirect_uri=/lightning", mine.access);
    CHECK(Bench::text(Bench::json(reply), "frontdoor_uri")
              .starts_with("http://127.0.0.1:8788/secur/frontdoor.jsp?otp="));
    CHECK(bench.get("/services/oauth2/singleaccess", "x").body == "Bad_OAuth_Token");
}

TEST_CASE("the data side gets a caller only for a living session that may use it") {
    Bench bench;
    const auto mine = bench.connect();
    CHECK(bench.get("//services/data/v68.0/limits", mine.access).status == 200);
    auto old_form = Bench::request("GET", "/services/data/v68.0/limits");
    old_form.headers.add("Authorization", "OAuth " + mine.access);
    CHECK(bench.send(std::move(old_form)).status == 200);
    const auto wrong = bench.get("/services/data/v68.0/limits", "00Dxx0000001gPL!wrong");
    CHECK(wrong.status == 401);
    CHECK(Bench::text(Bench::json(wrong).at(0), "errorCode") == "INVALID_SESSION_ID");
    CHECK(Bench::text(Bench::json(wrong).at(0), "message") == "Session expired or invalid");
    CHECK(bench.get("/services/data/v68.0/limits").status == 401);
    CHECK(bench.get("/services/data").status == 200);

    auto basic = Bench::request("GET", "/services/data/v68.0/limits");
    basic.headers.add("Authorization", "Basic eDp5");
    CHECK(Bench::text(Bench::json(bench.send(std::move(basic))).at(0), "errorCode") ==
          "INVALID_AUTH_HEADER");
    const auto narrow = bench.connect({{"scope", "id refresh_token"}});
    const auto refused = bench.get("/services/data/v68.0/limits", narrow.access);
    CHECK(refused.status == 401);
    CHECK(Bench::text(Bench::json(refused).at(0), "message") ==
          "This session is not valid for use with the REST API");
}

}  // namespace latchkey::emulator::test
