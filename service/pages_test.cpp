#include "service/pages.h"

#include <array>

#include <doctest/doctest.h>
#include <openssl/evp.h>

#include "base/text.h"

namespace latchkey::service {
namespace {

std::string between(std::string_view text, std::string_view from, std::string_view to) {
    const auto begin = text.find(from);
    REQUIRE(begin != std::string_view::npos);
    const auto start = begin + from.size();
    return std::string{text.substr(start, text.find(to, start) - start)};
}

std::string sha256_base64(const std::string& text) {
    std::array<unsigned char, 32> digest{};
    unsigned int size = 0;
    REQUIRE(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
    return base64({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace

TEST_CASE("the page's style is the one that its policy allows") {
    const auto page = connect_page(LinkView{}, "");
    const std::string policy{page.headers.find("Content-Security-Policy").value()};
    const auto style = between(page.body, "<style>", "</style>");
    CHECK(policy.find("style-src 'sha256-" + sha256_base64(style) + "'") != std::string::npos);
}

TEST_CASE("A24: every page refuses frames, openers, caching and referrers") {
    const Error error{Fault::bad_input, "invalid_state", "Start again from the app."};
    for (const auto& page : {connect_page(LinkView{}, ""), error_page(400, error, "req_1"),
                             see_other("https://app.example.com/")}) {
        const std::string policy{page.headers.find("Content-Security-Policy").value()};
        CHECK(policy.find("default-src 'none'") != std::string::npos);
        CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
        CHECK(*page.headers.find("X-Frame-Options") == "DENY");
        CHECK(*page.headers.find("Cross-Origin-Opener-Policy") == "same-origin");
        CHECK(*page.headers.find("Referrer-Policy") == "no-referrer");
        CHECK(*page.headers.find("Cache-Control") == "no-store");
    }
}

TEST_CASE("the connect page names the host that the person will log in at") {
    LinkView view;
    view.login_url = "https://acme.my.salesforce.com";
    CHECK(connect_page(view, "").body.find("<b>acme.my.salesforce.com</b>") != std::string::npos);
    CHECK(connect_page(LinkView{}, "").body.find("<b>") == std::string::npos);
}

TEST_CASE("A25: a form's answer is 303, which no browser repeats as a POST") {
    CHECK(see_other("https://login.salesforce.com/").status == 303);
}

TEST_CASE("A9: markup in a purpose or an error is shown as text") {
    LinkView view;
    view.purpose = "<script>alert(1)</script>";
    CHECK(connect_page(view, "").body.find("<script>") == std::string::npos);
    const Error error{Fault::bad_input, "x", "\"><img src=x onerror=alert(1)>"};
    CHECK(error_page(400, error, "req").body.find("<img") == std::string::npos);
}

TEST_CASE("the person is asked for a login host only where nobody else has named one") {
    LinkView open;
    CHECK(connect_page(open, "").body.find("name=\"login_host\"") != std::string::npos);
    LinkView fixed;
    fixed.login_url = "https://login.salesforce.com";
    CHECK(connect_page(fixed, "https://login.salesforce.com").body.find("name=\"login_host\"") ==
          std::string::npos);
}

}  // namespace latchkey::service
