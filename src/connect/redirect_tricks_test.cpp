#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "connect/return_url.h"

namespace latchkey {
namespace {

using namespace std::string_view_literals;

/// Ways to make a checker and a browser disagree about where a URL leads. `sound` ones are ordinary
/// URLs that merely look like the app's; the others must be refused even where somebody listed
/// them.
struct Trick {
    std::string_view url;
    bool sound = false;
};

constexpr Trick tricks[] = {
    // No scheme, or a scheme without its slashes: browsers repair both.
    Trick{"//evil.example"sv},
    Trick{"///evil.example"sv},
    Trick{"////evil.example/"sv},
    Trick{"/\\evil.example"sv},
    Trick{"\\\\evil.example"sv},
    Trick{"\\/evil.example"sv},
    Trick{"/\\/evil.example"sv},
    Trick{"/\t/evil.example"sv},
    Trick{"/\n/evil.example"sv},
    Trick{"/\r/evil.example"sv},
    Trick{"/%09/evil.example"sv},
    Trick{"/%5cevil.example"sv},
    Trick{"/%2f%2fevil.example"sv},
    Trick{"/.//evil.example"sv},
    Trick{"/..//evil.example"sv},
    Trick{"/;//evil.example"sv},
    Trick{"/?//evil.example"sv},
    Trick{"evil.example"sv},
    Trick{"app.example.com/done"sv},
    Trick{"/done"sv},
    Trick{"done"sv},
    Trick{"?x=1"sv},
    Trick{"#"sv},
    Trick{"."sv},
    Trick{".."sv},
    Trick{"/"sv},
    Trick{""sv},
    Trick{"https:evil.example"sv},
    Trick{"https:/evil.example"sv},
    Trick{"https:///evil.example"sv},
    Trick{"https:////evil.example"sv},
    Trick{"https:\\\\evil.example"sv},
    Trick{"https:/\\evil.example"sv},
    Trick{"https:\\/evil.example"sv},
    Trick{"https:/\t/evil.example"sv},
    Trick{"https//evil.example"sv},
    Trick{"https;//evil.example"sv},
    Trick{"://evil.example"sv},
    Trick{":evil.example"sv},
    Trick{"https://"sv},
    Trick{"https:///"sv},
    Trick{"https://?x"sv},
    Trick{"https://:443/done"sv},
    Trick{"https:"sv},
    Trick{"https"sv},
    // The right scheme in the wrong shape, and schemes that run or read something.
    Trick{"HTTPS://app.example.com/done"sv},
    Trick{"Https://app.example.com/done"sv},
    Trick{"httpS://app.example.com/done"sv},
    Trick{" https://app.example.com/done"sv},
    Trick{"\thttps://app.example.com/done"sv},
    Trick{"\x01https://app.example.com/done"sv},
    Trick{"\0https://app.example.com/done"sv},
    Trick{"ht\ntps://app.example.com/done"sv},
    Trick{"h\ttps://app.example.com/done"sv},
    Trick{"https ://app.example.com/done"sv},
    Trick{"https%3a//app.example.com/done"sv},
    Trick{"%68ttps://app.example.com/done"sv},
    Trick{"javascript:alert(1)"sv},
    Trick{"JavaScript:alert(1)"sv},
    Trick{"java\tscript:alert(1)"sv},
    Trick{"javascript://app.example.com/%0aalert(1)"sv},
    Trick{"javascript:https://app.example.com/done"sv},
    Trick{"data:text/html,x"sv},
    Trick{"data:text/html;base64,PHA+"sv},
    Trick{"vbscript:x"sv},
    Trick{"file:///etc/passwd"sv},
    Trick{"file://app.example.com/done"sv},
    Trick{"ftp://app.example.com/done"sv},
    Trick{"ws://app.example.com/done"sv},
    Trick{"wss://app.example.com/done"sv},
    Trick{"blob:https://app.example.com/1"sv},
    Trick{"about:blank"sv},
    Trick{"view-source:https://app.example.com/done"sv},
    Trick{"intent://app.example.com/done"sv},
    Trick{"feed:https://app.example.com/done"sv},
    Trick{"jar:https://app.example.com/x!/y"sv},
    Trick{"filesystem:https://app.example.com/t"sv},
    Trick{"mailto:a@app.example.com"sv},
    Trick{"ms-settings:x"sv},
    Trick{"x-apple:x"sv},
    Trick{"httpss://app.example.com/done"sv},
    Trick{"http://app.example.com/done"sv},
    Trick{"http://evil.example/done"sv},
    // User info that looks like the host, or hides it.
    Trick{"https://app.example.com@evil.example/done"sv},
    Trick{"https://app.example.com:443@evil.example/done"sv},
    Trick{"https://app.example.com%40evil.example/done"sv},
    Trick{"https://app.example.com%2f@evil.example/done"sv},
    Trick{"https://a@b@app.example.com@evil.example/"sv},
    Trick{"https://evil.example@app.example.com/done"sv},
    Trick{"https://evil.example:pw@app.example.com/done"sv},
    Trick{"https://@evil.example/done"sv},
    Trick{"https://:@evil.example/done"sv},
    Trick{"https://app.example.com:@evil.example/"sv},
    Trick{"https://app.example.com:80#@evil.example/"sv},
    Trick{"https://app.example.com?@evil.example/"sv, true},
    Trick{"https://evil.example\\@app.example.com/done"sv},
    Trick{"https://evil.example\\.app.example.com/done"sv},
    Trick{"https://evil.example\\app.example.com/done"sv},
    Trick{"https://evil.example%5c@app.example.com/done"sv},
    Trick{"https://evil.example%5capp.example.com/done"sv},
    Trick{"https://evil.example#@app.example.com/done"sv},
    Trick{"https://evil.example#app.example.com/done"sv},
    Trick{"https://evil.example%23@app.example.com/done"sv},
    Trick{"https://evil.example?@app.example.com/done"sv, true},
    Trick{"https://evil.example%3f@app.example.com/done"sv},
    Trick{"https://evil.example;@app.example.com/done"sv},
    Trick{"https://evil.example&@app.example.com/done"sv},
    Trick{"https://[evil.example@app.example.com/done"sv},
    Trick{"https://[app.example.com]@evil.example/"sv},
    Trick{"https://evil.example\t@app.example.com/done"sv},
    Trick{"https://evil.example\0@app.example.com/done"sv},
    // Hosts that end, begin or sound like the app's.
    Trick{"https://evil.example/done"sv, true},
    Trick{"https://app.example.com.evil.example/done"sv, true},
    Trick{"https://app.example.comevil.example/done"sv, true},
    Trick{"https://evilapp.example.com/done"sv, true},
    Trick{"https://evil.app.example.com/done"sv, true},
    Trick{"https://app-example.com/done"sv, true},
    Trick{"https://appxexample.com/done"sv, true},
    Trick{"https://app.example.co/done"sv, true},
    Trick{"https://app.example.com.au/done"sv, true},
    Trick{"https://example.com/done"sv, true},
    Trick{"https://com/done"sv, true},
    Trick{"https://xn--pp-xmc.example.com/done"sv, true},
    Trick{"https://app.example.com./done"sv},
    Trick{"https://app.example.com../done"sv},
    Trick{"https://.app.example.com/done"sv},
    Trick{"https://app..example.com/done"sv},
    Trick{"https://./done"sv},
    Trick{"https://../done"sv},
    Trick{"https://app.example.com%00.evil.example/"sv},
    Trick{"https://app.example.com\0.evil.example/"sv},
    Trick{"https://app.example.com%2eevil.example/"sv},
    Trick{"https://app%2eexample.com/done"sv},
    Trick{"https://%61pp.example.com/done"sv},
    Trick{"https://app.example.com%2fdone"sv},
    Trick{"https://app.example.com%3a443/done"sv},
    Trick{"https://APP.example.com/done"sv},
    Trick{"https://app.Example.com/done"sv},
    Trick{"https://app_example.com/done"sv},
    Trick{"https://-app.example.com/done"sv},
    Trick{"https://app.example.com-/done"sv},
    Trick{"https://app.example.com,evil.example/"sv},
    Trick{"https://app.example.com;evil.example/"sv},
    Trick{"https://app.example.com&evil.example/"sv},
    Trick{"https://app.example.com!evil.example/"sv},
    Trick{"https://app.example.com$evil.example/"sv},
    Trick{"https://app.example.com|evil.example/"sv},
    Trick{"https://app.example.com^evil.example/"sv},
    Trick{"https://app.example.com`evil.example/"sv},
    Trick{"https://app.example.com{evil.example/"sv},
    Trick{"https://app.example.com\"evil.example/"sv},
    Trick{"https://app.example.com<evil.example/"sv},
    Trick{"https://app.example.com evil.example/"sv},
    Trick{"https://app.example.com\tevil.example/"sv},
    Trick{"https://app.example.com\revil.example/"sv},
    Trick{"https://app.example.com\nevil.example/"sv},
    Trick{"https://app.example.com\x0b"
          "evil.example/"sv},
    Trick{"https://app.example.com\x7f/done"sv},
    Trick{"https://*.example.com/done"sv},
    Trick{"https://*/done"sv},
    // Letters and dots that normalise into others: full width, small dot, division slash, long s,
    // ...
    Trick{"https://app\xef\xbc\x8e"
          "example.com/done"sv},
    Trick{"https://app.example\xe3\x80\x82"
          "com/done"sv},
    Trick{"https://evil.example\xef\xbc\x8f"
          "app.example.com/done"sv},
    Trick{"https://evil.example\xe2\x88\x95"
          "app.example.com/done"sv},
    Trick{"https://evil.example\xef\xbc\xa0"
          "app.example.com/done"sv},
    Trick{"https://evil.example\xef\xbc\x83"
          "app.example.com/done"sv},
    Trick{"https://evil.example\xef\xbc\x9f"
          "app.example.com/done"sv},
    Trick{"https://\xc4\x81pp.example.com/done"sv},
    Trick{"https://\xd0\xb0pp.example.com/done"sv},
    Trick{"https://app.ex\xc5\xbf"
          "ample.com/done"sv},
    Trick{"https://app.example.com\xe2\x80\x8b/done"sv},
    Trick{"https://app.example.com\xc2\xad/done"sv},
    Trick{"https://\xe2\x80\xae"
          "app.example.com/done"sv},
    Trick{"https://app.example.com/\xe2\x80\xae"
          "done"sv},
    Trick{"https://\xff\xfe.example.com/"sv},
    Trick{"\xef\xbb\xbfhttps://app.example.com/done"sv},
    Trick{"/\xe3\x80\xb1/evil.example"sv},
    Trick{"https://app.example.com/d\xc3\xb6ne"sv},
    // Numbers that are addresses.
    Trick{"https://127.1/done"sv},
    Trick{"https://2130706433/done"sv},
    Trick{"https://0x7f000001/done"sv},
    Trick{"https://0x7f.1/done"sv},
    Trick{"https://017700000001/done"sv},
    Trick{"https://0177.0.0.1/done"sv},
    Trick{"https://1.2.3/done"sv},
    Trick{"https://1.2.3.4.5/done"sv},
    Trick{"https://1.2.3.256/done"sv},
    Trick{"https://1.2.3.4./done"sv},
    Trick{"https://app.example.0x/done"sv},
    Trick{"https://app.1/done"sv},
    Trick{"https://[2001:db8::7]/done"sv},
    Trick{"https://[::ffff:1.2.3.4]/"sv},
    Trick{"https://[::1]evil.example/"sv},
    Trick{"https://[::1"sv},
    Trick{"https://::1/done"sv},
    Trick{"https://[]/done"sv},
    Trick{"https://192.0.2.7/done"sv, true},
    Trick{"https://127.0.0.1/done"sv, true},
    // Ports.
    Trick{"https://app.example.com:/done"sv},
    Trick{"https://app.example.com:0/done"sv},
    Trick{"https://app.example.com:65536/done"sv},
    Trick{"https://app.example.com:443443/done"sv},
    Trick{"https://app.example.com:+443/done"sv},
    Trick{"https://app.example.com:-1/done"sv},
    Trick{"https://app.example.com:0443/done"sv},
    Trick{"https://app.example.com:4a3/done"sv},
    Trick{"https://app.example.com:443:443/done"sv},
    Trick{"https://app.example.com:%34%34%33/done"sv},
    Trick{"https://app.example.com:443.evil.example/"sv},
    Trick{"https://app.example.com:evil.example/"sv},
    Trick{"https://app.example.com:443/done"sv, true},
    Trick{"https://app.example.com:8443/done"sv, true},
    // Paths that walk away from the listed one, for us, a proxy or a server.
    Trick{"https://app.example.com/done/.."sv},
    Trick{"https://app.example.com/done/../evil"sv},
    Trick{"https://app.example.com/./done"sv},
    Trick{"https://app.example.com/x/../done"sv},
    Trick{"https://app.example.com/done/%2e%2e/evil"sv},
    Trick{"https://app.example.com/done/%2E./evil"sv},
    Trick{"https://app.example.com/done/.%2e/evil"sv},
    Trick{"https://app.example.com/done/%252e%252e/evil"sv},
    Trick{"https://app.example.com/done/%25252e/evil"sv},
    Trick{"https://app.example.com/done/..;/evil"sv},
    Trick{"https://app.example.com/done/%2e%2e%3bx/evil"sv},
    Trick{"https://app.example.com/done/..%2fevil"sv},
    Trick{"https://app.example.com/done%2f..%2fevil"sv},
    Trick{"https://app.example.com/done/..%5cevil"sv},
    Trick{"https://app.example.com/done\\..\\evil"sv},
    Trick{"https://app.example.com\\done"sv},
    Trick{"https://app.example.com/done%00"sv},
    Trick{"https://app.example.com/done%0d%0aLocation:%20x"sv},
    Trick{"https://app.example.com/done%0aSet-Cookie:a=b"sv},
    Trick{"https://app.example.com/done\r\nX: y"sv},
    Trick{"https://app.example.com/done\0"sv},
    Trick{"https://app.example.com/done "sv},
    Trick{"https://app.example.com/done%"sv},
    Trick{"https://app.example.com/done%2"sv},
    Trick{"https://app.example.com/done%u002e"sv},
    Trick{"https://app.example.com/done%c0%ae%2fx"sv},
    Trick{"https://app.example.com/done\"onclick=x"sv},
    Trick{"https://app.example.com/<script>"sv},
    Trick{"https://app.example.com/done/"sv, true},
    Trick{"https://app.example.com//done"sv, true},
    Trick{"https://app.example.com/done//evil.example"sv, true},
    Trick{"https://app.example.com/donee"sv, true},
    Trick{"https://app.example.com/don"sv, true},
    Trick{"https://app.example.com/done;/x"sv, true},
    Trick{"https://app.example.com/done/@evil.example"sv, true},
    Trick{"https://app.example.com"sv, true},
    Trick{"https://app.example.com/"sv, true},
    Trick{"https://app.example.com/DONE"sv, true},
    // Queries and fragments that carry something of their own.
    Trick{"https://app.example.com/done?"sv, true},
    Trick{"https://app.example.com/done?next=//evil.example"sv, true},
    Trick{"https://app.example.com/done?ticket=stolen"sv},
    Trick{"https://app.example.com/done?%74icket=x"sv},
    Trick{"https://app.example.com/done?a=1&flow=x"sv},
    Trick{"https://app.example.com/done?error=x"sv},
    Trick{"https://app.example.com/done?a=%0d%0ab"sv},
    Trick{"https://app.example.com/done?a=%"sv},
    Trick{"https://app.example.com/done#ticket=x"sv},
    Trick{"https://app.example.com/done#"sv},
    Trick{"https://app.example.com/done?#@evil.example"sv},
    Trick{"https://app.example.com#@evil.example/"sv},
    // Neighbours of the loopback entry, which is free in its port and in nothing else.
    Trick{"http://127.0.0.1.evil.example/done"sv},
    Trick{"http://127.0.0.1@evil.example/done"sv},
    Trick{"http://127.0.0.1:80@evil.example/done"sv},
    Trick{"http://127.0.0.1%2eevil.example/done"sv},
    Trick{"http://127.0.0.1\\@evil.example/done"sv},
    Trick{"http://127.0.0.1:0/done"sv},
    Trick{"http://127.0.0.1:99999/done"sv},
    Trick{"http://127.0.0.1:80:80/done"sv},
    Trick{"http://127.0.0.1:3000evil.example/done"sv},
    Trick{"http://127.0.0.1./done"sv},
    Trick{"http://127.0.0.2/done"sv},
    Trick{"http://127.1/done"sv},
    Trick{"http://0/done"sv},
    Trick{"http://0.0.0.0/done"sv},
    Trick{"http://2130706433/done"sv},
    Trick{"http://0x7f.0.0.1/done"sv},
    Trick{"http://0177.0.0.1/done"sv},
    Trick{"http://127.000.000.001/done"sv},
    Trick{"http://\xef\xbc\x91"
          "27.0.0.1/done"sv},
    Trick{"http://localhost/done"sv},
    Trick{"http://LOCALHOST/done"sv},
    Trick{"http://localhost.evil.example/done"sv},
    Trick{"http://evil.localhost/done"sv},
    Trick{"http://[::1]@evil.example/done"sv},
    Trick{"http://[::1].evil.example/done"sv},
    Trick{"http://[::1]:0/done"sv},
    Trick{"http://[::01]/done"sv},
    Trick{"http://[0::1]/done"sv},
    Trick{"http://[::1%2510]/done"sv},
    Trick{"http://[::ffff:127.0.0.1]/done"sv},
    Trick{"http://[::]/done"sv},
    Trick{"http://::1/done"sv},
    Trick{"http://127.0.0.1/done/../evil"sv},
    Trick{"http://127.0.0.1/done#x"sv},
    Trick{"http://127.0.0.1:3000/other"sv, true},
    Trick{"http://[::1]:3000/other"sv, true},
    Trick{"http://127.0.0.1/"sv, true},
    Trick{"http://[::1]/done?x=1"sv, true},
};

Provider app() {
    Provider provider;
    provider.id = ProviderId{"salesforce"};
    provider.return_urls = {"https://app.example.com/done", "http://127.0.0.1/done",
                            "http://[::1]/done"};
    return provider;
}

TEST_CASE("D2: none of the known redirect tricks is accepted") {
    const Provider provider = app();
    for (const auto& url : provider.return_urls)
        REQUIRE(check_return_url(provider, url).has_value());
    for (const Trick& trick : tricks) {
        CAPTURE(std::string{trick.url});
        CHECK_FALSE(check_return_url(provider, trick.url).has_value());
    }
}

TEST_CASE("D2: a trick stays refused where it was listed by mistake, unless it is a sound URL") {
    for (const Trick& trick : tricks) {
        Provider provider = app();
        provider.return_urls.emplace_back(trick.url);
        CAPTURE(std::string{trick.url});
        CHECK(check_return_url(provider, trick.url).has_value() == trick.sound);
    }
}

TEST_CASE("the table of redirect tricks has at least 150 different ones") {
    std::set<std::string_view> different;
    for (const Trick& trick : tricks) different.insert(trick.url);
    CHECK(different.size() >= 150);
    CHECK(different.size() == std::size(tricks));
}

}  // namespace
}  // namespace latchkey
