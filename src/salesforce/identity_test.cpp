#include "salesforce/identity.h"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace latchkey;
using namespace latchkey::salesforce;

const std::string ids = "/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS";

TEST_CASE("org and user come out of every shape of identity URL") {
    for (const auto& url :
         {"https://login.salesforce.com" + ids, "https://acme.my.site.com/portal" + ids,
          "http://127.0.0.1:8788" + ids,
          std::string{"https://test.salesforce.com/id/00Dxx0000001gPL/005xx000001SwiU"}}) {
        CAPTURE(url);
        const auto identity = parse_identity_url(url);
        REQUIRE(identity.has_value());
        CHECK(identity->org_id == "00Dxx0000001gPLEAY");
        CHECK(identity->user_id == "005xx000001SwiUAAS");
    }
}

TEST_CASE("what is no identity URL is refused") {
    for (const auto& url :
         {std::string{}, ids, "https://" + ids, "https://login.salesforce.com" + ids + "/",
          "https://login.salesforce.com" + ids + "?x", "https://login.salesforce.com" + ids + "#x",
          std::string{"https://login.salesforce.com/id/005xx000001SwiUAAS/00Dxx0000001gPLEAY"},
          std::string{"https://login.salesforce.com/id/00Dxx0000001gPLEAY"},
          std::string{"https://login.salesforce.com/ids/00Dxx0000001gPLEAY/005xx000001SwiUAAS"},
          std::string{"https://login.salesforce.com/id/00Dxx0000001gPLEAA/005xx000001SwiUAAS"},
          std::string{"https://login.salesforce.com/id/00Dxx0000001g%4cEAY/005xx000001SwiUAAS"},
          "https://" + std::string(3000, 'a') + ids}) {
        CAPTURE(url);
        const auto identity = parse_identity_url(url);
        REQUIRE(identity.has_error());
        CHECK(identity.error().code == "invalid_identity_url");
    }
}

TEST_CASE("the checksum of an id is computed for 15 characters and checked for 18") {
    CHECK(id18("00Dxx0000001gPL").value() == "00Dxx0000001gPLEAY");
    CHECK(id18("005xx000001SwiU").value() == "005xx000001SwiUAAS");
    CHECK(id18("00Dxx0000001gPLEAY").value() == "00Dxx0000001gPLEAY");
    for (const auto* wrong : {"00Dxx0000001gPLEAZ", "00Dxx0000001gPlEAY", "00Dxx0000001gP",
                              "00Dxx0000001gPLE", "00Dxx0000001gP!", "", "00Dxx0000001gPLeay"}) {
        CAPTURE(wrong);
        const auto id = id18(wrong);
        REQUIRE(id.has_error());
        CHECK(id.error().code == "invalid_id");
    }
}

TEST_CASE("B21: the signature vouches for the identity URL and the time, byte for byte") {
    const Secret key{"0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"};
    const std::string id = "https://login.salesforce.com" + ids;
    const std::string time = "1763900000000";
    const std::string signature = "Kj9z99F0dRGDxtDg+hj8ePj5+CODblLi/fFaC/7C/Ow=";
    CHECK(signature_matches(key, id, time, signature));
    CHECK_FALSE(signature_matches(key, id, "1763900000001", signature));
    CHECK_FALSE(signature_matches(key, id + "x", time, signature));
    CHECK_FALSE(signature_matches(Secret{"other"}, id, time, signature));
    CHECK_FALSE(signature_matches(key, id, time, ""));
    CHECK_FALSE(signature_matches(key, id, time, "Kj9z99F0dRGDxtDg+hj8ePj5+CODblLi/fFaC/7C/Ow"));
}

TEST_CASE("a profile is read in the words of the identity URL and of userinfo") {
    const auto identity =
        read_profile(R"({"user_id":"005xx000001SwiUAAS","organization_id":"00Dxx0000001gPL",)"
                     R"("username":"ada@acme.example","display_name":"Ada L"})");
    REQUIRE(identity.has_value());
    CHECK(identity->org_id == "00Dxx0000001gPLEAY");
    CHECK(identity->user_id == "005xx000001SwiUAAS");
    CHECK(identity->username == "ada@acme.example");
    CHECK(identity->display_name == "Ada L");

    const auto userinfo = read_profile(
        R"({"sub":"x","user_id":"005xx000001SwiUAAS","organization_id":"00Dxx0000001gPLEAY",)"
        R"("preferred_username":"ada@acme.example","name":"Ada L"})");
    REQUIRE(userinfo.has_value());
    CHECK(userinfo->username == "ada@acme.example");
    CHECK(userinfo->display_name == "Ada L");
}

TEST_CASE("C22: an identity answer that is an array, wrong, deep or huge is refused") {
    for (const auto& json :
         {std::string{"[]"}, std::string{"{}"}, std::string{"<html>"}, std::string{},
          std::string(100000, '['), std::string{R"({"user_id":"005xx000001SwiUAAS"})"},
          std::string{R"({"user_id":5,"organization_id":"00Dxx0000001gPLEAY"})"},
          std::string{R"({"user_id":"00Dxx0000001gPLEAY","organization_id":"00Dxx0000001gPLEAY"})"},
          std::string(1024 * 1024 + 1, ' ')}) {
        const auto profile = read_profile(json);
        REQUIRE(profile.has_error());
        CHECK(profile.error().code == "invalid_identity_answer");
    }
}

}  // namespace
