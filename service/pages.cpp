#include "service/pages.h"

#include <fmt/format.h>

#include "base/origin.h"
#include "base/text.h"
#include "service/replies.h"

namespace latchkey::service {
namespace {

constexpr std::string_view style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:12vh auto;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}h1{font-size:1.4rem}button{font:inherit;font-weight:600;"
    "padding:.7rem "
    "1.4rem;border:0;border-radius:.4rem;background:#0b5cab;color:#fff;cursor:pointer}"
    "button:focus-visible,input:focus-visible{outline:3px solid #9cc9f5}label{display:block;"
    "margin:1rem 0 .3rem}input{font:inherit;padding:.5rem;width:100%;box-sizing:border-box}"
    "small,.quiet{color:#555}@media(prefers-color-scheme:dark){body{background:#161616;color:#eee}"
    "small,.quiet{color:#aaa}}";
// SHA-256 of `style`; a test recomputes it, so that the two cannot part.
constexpr std::string_view style_hash = "sha256-Jhw3VoDD44BtHmkV1APRFqtCJBQEYCqJgqSAttak47g=";

Headers page_headers(const std::string& form_action) {
    return Headers{
        {"Content-Type", "text/html; charset=utf-8"},
        {"Content-Security-Policy",
         fmt::format("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; style-src '{}'; "
                     "form-action {}",
                     style_hash, form_action)},
        {"X-Frame-Options", "DENY"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cache-Control", "no-store"},
        {"Latchkey-Answer", "gateway"}};
}

std::string page(std::string_view title, std::string_view body) {
    return fmt::format(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><title>{}</title><style>{}</style></head><body><main>{}"
        "</main></body></html>\n",
        title, style, body);
}

constexpr std::string_view login_field =
    "<label for=\"login_host\">Where do you log in to Salesforce?</label>"
    "<input id=\"login_host\" name=\"login_host\" type=\"text\" required maxlength=\"255\" "
    "value=\"login.salesforce.com\" autocomplete=\"url\" spellcheck=\"false\">"
    "<small>login.salesforce.com for most people, test.salesforce.com for a sandbox, or your "
    "company's own My Domain, such as acme.my.salesforce.com.</small><p>";

std::string host_of(const std::string& url) {
    const auto origin = Origin::parse(url);
    return origin ? origin->authority() : url;
}

}  // namespace

Reply connect_page(const LinkView& view, const std::string& login_origin) {
    // Browsers apply form-action to every redirect that follows the form. From Salesforce's login
    // host the way may lead on to a My Domain and a company's own single sign-on, and who is logged
    // in and has allowed the app before is led back to the app's return URL without another page:
    // any https host, then, this machine's ports, and the login's own origin where that is plain.
    const auto form_action =
        "'self' https: http://127.0.0.1:* http://localhost:*" +
        (login_origin.starts_with("http://") ? " " + login_origin : std::string{});
    const auto purpose =
        view.purpose.empty() ? std::string{} : "<p>" + html_escape(view.purpose) + "</p>";
    // The host by name: it is what the person can compare with the address bar on the next page.
    const auto where = view.login_url ? ", at <b>" + html_escape(host_of(*view.login_url)) + "</b>,"
                                      : std::string{};
    const auto body = fmt::format(
        "<h1>Connect your Salesforce account</h1>{}<p>You will log in at Salesforce{} and decide "
        "there what to allow. Your password stays with Salesforce.</p><form method=\"post\">{}"
        "<button type=\"submit\">Continue to Salesforce</button></form>",
        purpose, where, view.login_url ? std::string_view{} : login_field);
    return Reply{200, page_headers(form_action), page("Connect Salesforce", body)};
}

Reply error_page(int status, const Error& error, const std::string& request_id) {
    const auto body = fmt::format(
        "<h1>This did not work</h1><p>{}</p><p class=\"quiet\">Error: {}<br>Request: {}</p>",
        html_escape(error.message), html_escape(error.code), html_escape(request_id));
    return Reply{status, page_headers("'none'"), page("Not connected", body)};
}

Reply see_other(const std::string& location) {
    auto headers = page_headers("'none'");
    headers.add("Location", location);
    return Reply{303, std::move(headers)};
}

}  // namespace latchkey::service
