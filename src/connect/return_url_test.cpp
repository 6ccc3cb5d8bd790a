#include "connect/return_url.h"

#include <string>

#include <doctest/doctest.h>

namespace latchkey {
namespace {

Provider listing(std::vector<std::string> urls) {
    Provider provider;
    provider.id = ProviderId{"salesforce"};
    provider.return_urls = std::move(urls);
    return provider;
}

bool accepted(const Provider& provider, std::string_view url) {
    const auto checked = check_return_url(provider, url);
    if (!checked.has_value()) {
        CHECK(checked.error().fault == Fault::bad_input);
        CHECK(checked.error().code == "invalid_return_url");
    }
    return checked.has_value();
}

/// Accepted although it is listed: only what every reader reads alike.
bool usable(const std::string& url) {
    return accepted(listing({url}), url);
}

TEST_CASE("a listed URL is accepted as it stands") {
    for (const char* url :
         {"https://app.example.com/salesforce/done", "https://app.example.com",
          "https://app.example.com/", "https://app.example.com:8443/done",
          "https://app.example.com/done?tab=crm&x=1", "https://app.example.com?tab=crm",
          "https://app.example.com/a%20b/~c;v=1/", "https://xn--bcher-kva.example/done",
          "https://192.0.2.7/done", "https://intranet/done", "http://127.0.0.1:3000/done",
          "http://[::1]:3000/done"}) {
        CAPTURE(url);
        CHECK(usable(url));
    }
}

TEST_CASE("D1: a URL that differs in scheme, host, port, path or query is refused") {
    const auto app = listing({"https://app.example.com/done?tab=crm"});
    for (const char* url :
         {"http://app.example.com/done?tab=crm", "https://app.example.com:443/done?tab=crm",
          "https://app.example.com:8443/done?tab=crm", "https://www.app.example.com/done?tab=crm",
          "https://example.com/done?tab=crm", "https://app.example.com.evil.example/done?tab=crm",
          "https://app.example.com/done/?tab=crm", "https://app.example.com/done?tab=crm&",
          "https://app.example.com/done?tab=CRM", "https://app.example.com/Done?tab=crm",
          "https://app.example.com/done", "https://app.example.com/d%6Fne?tab=crm", ""}) {
        CAPTURE(url);
        CHECK_FALSE(accepted(app, url));
    }
}

TEST_CASE("D2: no change of a single byte of a listed URL is accepted") {
    const std::string url = "https://app.example.com/done?tab=crm";
    const auto app = listing({url});
    REQUIRE(accepted(app, url));
    int refused = 0;
    for (std::size_t at = 0; at <= url.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string inserted = url;
            inserted.insert(at, 1, static_cast<char>(byte));
            refused += !check_return_url(app, inserted).has_value();
            if (at == url.size() || url[at] == static_cast<char>(byte)) continue;
            std::string replaced = url;
            replaced[at] = static_cast<char>(byte);
            refused += !check_return_url(app, replaced).has_value();
        }
    }
    CHECK(refused == 256 * 37 + 255 * 36);
}

TEST_CASE("D3: user info or a fragment makes even a listed URL unusable") {
    CHECK_FALSE(usable("https://user@app.example.com/done"));
    CHECK_FALSE(usable("https://user:word@app.example.com/done"));
    CHECK_FALSE(usable("https://@app.example.com/done"));
    CHECK_FALSE(usable("https://app.example.com/done#top"));
    CHECK_FALSE(usable("https://app.example.com/done#"));
}

TEST_CASE("D6: a listed URL is no prefix, and dot segments are refused even where listed") {
    const auto app = listing({"https://app.example.com/app/"});
    for (const char* url :
         {"https://app.example.com/app/x", "https://app.example.com/app/../evil",
          "https://app.example.com/app/%2e%2e/evil", "https://app.example.com/app/%252e%252e/evil",
          "https://app.example.com/app;/../evil", "https://app.example.com/app"}) {
        CAPTURE(url);
        CHECK_FALSE(accepted(app, url));
    }
    CHECK_FALSE(usable("https://app.example.com/app/../evil"));
    CHECK_FALSE(usable("https://app.example.com/app/%2E%2e/evil"));
    CHECK_FALSE(usable("https://app.example.com/app/.%2e/evil"));
    CHECK_FALSE(usable("https://app.example.com/app/..;x=1/evil"));
    CHECK_FALSE(usable("https://app.example.com/app/%252e/evil"));
    CHECK_FALSE(usable("https://app.example.com/app/."));
    CHECK_FALSE(usable("https://app.example.com/app/%2fevil"));
    CHECK_FALSE(usable("https://app.example.com/app/%5cevil"));
}

TEST_CASE("D7: on 127.0.0.1 and [::1] a listed URL stands for every port") {
    const auto program = listing({"http://127.0.0.1/done", "http://[::1]:8000/done"});
    CHECK(accepted(program, "http://127.0.0.1/done"));
    CHECK(accepted(program, "http://127.0.0.1:49152/done"));
    CHECK(accepted(program, "http://[::1]/done"));
    CHECK(accepted(program, "http://[::1]:65535/done"));
    for (const char* url : {"https://127.0.0.1/done",
                            "http://127.0.0.1:49152/other",
                            "http://127.0.0.1:0/done",
                            "http://127.0.0.1:65536/done",
                            "http://127.0.0.1:080/done",
                            "http://127.0.0.1:/done",
                            "http://127.0.0.1:80:80/done",
                            "http://127.0.0.2/done",
                            "http://127.1/done",
                            "http://2130706433/done",
                            "http://0x7f.0.0.1/done",
                            "http://0x7f000001/done",
                            "http://0177.0.0.1/done",
                            "http://localhost/done",
                            "http://localhost.evil.example/done",
                            "http://127.0.0.1.evil.example/done",
                            "http://127.0.0.1@evil.example/done",
                            "http://[::1].evil.example/done",
                            "http://[::2]/done",
                            "http://[0:0:0:0:0:0:0:1]/done",
                            "http://[::ffff:127.0.0.1]/done",
                            "http://[::1%25lo]/done",
                            "http://[::1/done"}) {
        CAPTURE(url);
        CHECK_FALSE(accepted(program, url));
    }
}

TEST_CASE("D7: https on a loopback address keeps its port, and localhost is nothing special") {
    const auto program = listing({"https://127.0.0.1/done", "http://localhost/done"});
    CHECK(accepted(program, "https://127.0.0.1/done"));
    CHECK_FALSE(accepted(program, "https://127.0.0.1:8443/done"));
    CHECK_FALSE(accepted(program, "http://localhost/done"));
}

TEST_CASE("D7: a custom scheme is not a return URL") {
    CHECK_FALSE(usable("com.example.app:/done"));
    CHECK_FALSE(usable("myapp://done"));
}

TEST_CASE("for development every http URL on a loopback host is a return URL") {
    Provider provider = listing({});
    provider.any_loopback_return_url = true;
    CHECK(accepted(provider, "http://127.0.0.1:3000/anything?x=1"));
    CHECK(accepted(provider, "http://[::1]/"));
    CHECK(accepted(provider, "http://localhost:3000/done"));
    CHECK_FALSE(accepted(provider, "https://app.example.com/done"));
    CHECK_FALSE(accepted(provider, "http://localhost.evil.example/"));
    CHECK_FALSE(accepted(provider, "http://evil.localhost/"));
    CHECK_FALSE(accepted(provider, "http://user@localhost/"));
    CHECK_FALSE(accepted(provider, "http://localhost/#x"));
}

TEST_CASE("a return URL must leave the names ticket, flow and error free") {
    CHECK_FALSE(usable("https://app.example.com/done?ticket=1"));
    CHECK_FALSE(usable("https://app.example.com/done?a=1&%66low=2"));
    CHECK_FALSE(usable("https://app.example.com/done?error"));
    CHECK_FALSE(usable("https://app.example.com/done?a=%zz"));
    CHECK(usable("https://app.example.com/done?tickets=1"));
}

TEST_CASE("a return URL has at most 2,000 bytes") {
    const std::string start = "https://app.example.com/";
    CHECK(usable(start + std::string(2000 - start.size(), 'a')));
    CHECK_FALSE(usable(start + std::string(2001 - start.size(), 'a')));
}

TEST_CASE("what is added to a return URL joins its query") {
    const FormFields fields = {{"ticket", "a b"}, {"flow", "cs_1"}};
    CHECK(with_fields("https://a.example/done", fields) ==
          "https://a.example/done?ticket=a%20b&flow=cs_1");
    CHECK(with_fields("https://a.example", fields) == "https://a.example?ticket=a%20b&flow=cs_1");
    CHECK(with_fields("https://a.example/done?x=1", fields) ==
          "https://a.example/done?x=1&ticket=a%20b&flow=cs_1");
    CHECK(with_fields("https://a.example/done?", fields) ==
          "https://a.example/done?ticket=a%20b&flow=cs_1");
    CHECK(with_fields("https://a.example/done?x=1&", fields) ==
          "https://a.example/done?x=1&ticket=a%20b&flow=cs_1");
}

}  // namespace
}  // namespace latchkey
