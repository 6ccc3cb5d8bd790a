#include "emulator/pages.h"

#include "base/text.h"
#include "emulator/hash.h"

namespace latchkey::emulator {
namespace {

constexpr std::string_view style =
    "body{font:16px/1.5 system-ui,sans-serif;background:#f4f6f9;color:#16325c;margin:0}"
    "main{max-width:24rem;margin:8vh auto;padding:2rem;background:#fff;"
    "border:1px solid #d8dde6;border-radius:.5rem}"
    "main.popup,main.touch,main.mobile{margin:0 auto;border:0}"
    "h1{font-size:1.25rem;margin:0 0 1rem}label{display:block;margin:.75rem 0 .25rem}"
    "input{box-sizing:border-box;width:100%;font:inherit;padding:.5rem;"
    "border:1px solid #747474;border-radius:.25rem}"
    "input[type=submit],button{font:inherit;margin-top:1rem;padding:.6rem 1.2rem;cursor:pointer;"
    "border:1px solid #0b5cab;border-radius:.25rem;background:#0b5cab;color:#fff}"
    "button.plain{background:#fff;color:#0b5cab}.problem{color:#ba0517}"
    ":focus-visible{outline:3px solid #1b96ff}"
    ".note{color:#54698d;font-size:.875rem;margin-top:1.5rem}";

/// What a scope lets an app do, in the words of a consent page.
std::string_view meaning(std::string_view scope) {
    if (scope == "api") return "Manage user data via APIs";
    if (scope == "refresh_token" || scope == "offline_access") return "Act at any time";
    if (scope == "openid") return "See a unique user identifier";
    if (scope == "id") return "Read your identity";
    if (scope == "web") return "Open web pages in your name";
    if (scope == "full") return "Do everything you can do";
    return "";
}

std::string page(std::string_view title, std::string_view display, std::string_view content) {
    std::string out = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">";
    out += "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>";
    out += html_escape(title);
    out += "</title><style>";
    out += style;
    out += "</style></head><body><main class=\"";
    out += html_escape(display);
    out += "\">";
    out += content;
    out += "<p class=\"note\">latchkey emulator: this is not Salesforce.</p>";
    out += "</main></body></html>\n";
    return out;
}

std::string form_start(std::string_view flow) {
    return "<form method=\"post\" action=\"/services/oauth2/authorize\">"
           "<input type=\"hidden\" name=\"flow\" value=\"" +
           html_escape(flow) + "\">";
}

}  // namespace

std::string login_page(std::string_view flow, std::string_view username, std::string_view display,
                       std::string_view problem) {
    std::string out = "<h1>Log in to the emulated Salesforce</h1>";
    if (!problem.empty()) {
        out += "<p class=\"problem\" id=\"error\" role=\"alert\">" + html_escape(problem) + "</p>";
    }
    out += form_start(flow);
    out += "<label for=\"username\">Username</label>";
    out += "<input type=\"email\" id=\"username\" name=\"username\" autocomplete=\"username\" ";
    out += "value=\"" + html_escape(username) + "\">";
    out += "<label for=\"password\">Password</label>";
    out += "<input type=\"password\" id=\"password\" name=\"pw\" ";
    out += "autocomplete=\"current-password\">";
    out += "<input type=\"submit\" id=\"Login\" name=\"Login\" value=\"Log In\"></form>";
    return page("Login", display, out);
}

std::string consent_page(std::string_view flow, std::string_view client, std::string_view username,
                         const std::vector<std::string>& scopes, std::string_view display) {
    std::string out =
        "<h1>Allow access?</h1><p><strong>" + html_escape(client) + "</strong> asks to:</p><ul>";
    for (const auto& scope : scopes) {
        const auto words = meaning(scope);
        out += "<li>" + html_escape(words.empty() ? std::string_view{scope} : words);
        if (!words.empty()) out += " (" + html_escape(scope) + ")";
        out += "</li>";
    }
    out += "</ul><p>You are logged in as " + html_escape(username) + ".</p>";
    out += form_start(flow);
    out += "<button type=\"submit\" id=\"oaapprove\" name=\"decision\" value=\"allow\">";
    out += "Allow</button> <button type=\"submit\" id=\"oadeny\" name=\"decision\" ";
    out += "value=\"deny\" class=\"plain\">Deny</button></form>";
    return page("Allow access?", display, out);
}

std::string plain_page(std::string_view heading, std::string_view sentence) {
    return page(heading, "page",
                "<h1>" + html_escape(heading) + "</h1><p>" + html_escape(sentence) + "</p>");
}

const std::string& page_policy() {
    // No form-action: browsers hold the redirects that follow a form against it, and the last one
    // goes to the client, whose own redirects nobody here can know.
    static const std::string policy = "default-src 'none'; style-src 'sha256-" +
                                      base64(sha256(style)) +
                                      "'; base-uri 'none'; frame-ancestors 'none'";
    return policy;
}

}  // namespace latchkey::emulator
