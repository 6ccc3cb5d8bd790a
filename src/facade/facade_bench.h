#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <latchkey/latchkey.h>

#include "base/text.h"
#include "emulator/emulator.h"
#include "net/net_transport.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

/// What the tests of this room stand on: an emulator behind a socket, a person with a browser, and a
/// folder for a store.
namespace latchkey::test {

using namespace std::chrono_literals;

/// A port that was free a moment ago.
inline std::uint16_t free_port() {
    boost::asio::io_context loop;
    using boost::asio::ip::tcp;
    const tcp::acceptor probe{loop, tcp::endpoint{boost::asio::ip::address_v4::loopback(), 0}};
    return probe.local_endpoint().port();
}

/// The emulator on a loop and a thread of its own.
class EmulatorThread {
public:
    EmulatorThread() {
        if (!emulator_.start()) throw std::runtime_error("the emulator does not start");
        url_ = emulator_.url();
        thread_ = std::thread{[this] { loop_.run(); }};
    }
    ~EmulatorThread() {
        loop_.stop();
        thread_.join();
    }
    const std::string& url() const { return url_; }

private:
    static emulator::Options any_port() {
        emulator::Options options;
        options.port = 0;
        return options;
    }
    boost::asio::io_context loop_;
    SystemClock clock_;
    NoLog log_;
    emulator::Emulator emulator_{loop_, any_port(), clock_, log_};
    std::string url_;
    std::thread thread_;
};

/// A browser on a loop of its own: GET and POST to loopback origins.
class Browser {
public:
    explicit Browser(std::vector<Origin> may_reach)
        : transport_(options(std::move(may_reach)), clock_) {}

    HttpResponse load(const std::string& url, std::string method = "GET", Headers headers = {},
                      std::string body = {}) {
        const auto path = std::min(url.find('/', url.find("://") + 3), url.size());
        const auto origin = Origin::parse(url.substr(0, path)).value();
        auto target = path == url.size() ? "/" : url.substr(path);
        HttpRequest request{std::move(method), std::move(target), std::move(headers),
                            std::move(body)};
        return run(loop_, transport_.send(origin, std::move(request), clock_.in(30s))).value();
    }

    HttpResponse post(const std::string& url, const FormFields& fields) {
        return load(url, "POST", {{"Content-Type", "application/x-www-form-urlencoded"}},
                    print_form(fields));
    }

    /// From an authorize URL through the login and consent pages; where Salesforce sends the browser
    /// in the end.
    std::string log_in(const std::string& authorize_url, const std::string& decision = "allow") {
        const auto form = authorize_url.substr(0, authorize_url.find('?'));
        const auto login = load(authorize_url);
        const auto consent = post(
            form, {{"flow", hidden(login)}, {"username", "ada@acme.example"}, {"pw", "latchkey"}});
        const auto back = post(form, {{"flow", hidden(consent)}, {"decision", decision}});
        return std::string{back.headers.find("Location").value_or("")};
    }

private:
    static NetOptions options(std::vector<Origin> may_reach) {
        NetOptions options;
        options.private_origins = std::move(may_reach);
        return options;
    }
    static std::string hidden(const HttpResponse& page) {
        constexpr std::string_view mark = "name=\"flow\" value=\"";
        const auto at = page.body.find(mark);
        if (at == std::string::npos) return {};
        const auto from = at + mark.size();
        return page.body.substr(from, page.body.find('"', from) - from);
    }
    boost::asio::io_context loop_;
    SystemClock clock_;
    NetTransport transport_;
};

/// The emulator, a person, and everything a program needs to open a Latchkey on them.
struct FacadeBench {
    TempDir folder;
    EmulatorThread salesforce;
    std::string redirect_uri = "http://127.0.0.1:" + std::to_string(free_port()) + "/OauthRedirect";
    Browser person{{Origin::parse(salesforce.url()).value(),
                    Origin::parse(redirect_uri.substr(0, redirect_uri.rfind('/'))).value()}};
    boost::asio::io_context loop;  ///< the program's own

    Options options() const {
        Provider provider;
        provider.id = ProviderId{"salesforce"};
        provider.client_id = "latchkey-demo";
        provider.proof = SecretProof{Secret{"latchkey-demo-secret"}};
        provider.login_url = salesforce.url();
        provider.redirect_uri = redirect_uri;
        provider.return_urls = {"http://127.0.0.1:3000/done"};
        Options options;
        options.database = folder.file("store.db");
        options.master_key = MasterKeyFile{folder.file("master.key"), true};
        options.providers = {provider};
        return options;
    }
    std::unique_ptr<Latchkey> open() const { return Latchkey::open(options()).value(); }

    /// Runs a coroutine of the program's loop to its end.
    template <class T>
    Result<T> await(Task<T> work) {
        return run(loop, std::move(work));
    }

    boost::json::value control(const std::string& method, const std::string& name,
                               std::string body = {}) {
        const auto answer = person.load(salesforce.url() + "/__emulator/" + name, method,
                                        {{"Content-Type", "application/json"}}, std::move(body));
        return boost::json::parse(answer.body);
    }
    std::int64_t total(std::string_view name) {
        return control("GET", "ledger").at("totals").at(name).to_number<std::int64_t>();
    }
    void expire_sessions() { control("POST", "sessions/expire"); }

    /// The four steps, as a program with pages of its own takes them.
    Result<Connection> connect(Latchkey& latchkey, std::string end_user = "ada") {
        ConnectWish wish;
        wish.owner = ApiKeyId{"app"};
        wish.end_user = end_user;
        wish.return_url = "http://127.0.0.1:3000/done";
        auto opened = await(latchkey.async_open_flow(wish, Deadline::in(30s)));
        if (!opened) return opened.error();
        auto departure = await(latchkey.async_start(opened->link, std::nullopt, Deadline::in(30s)));
        if (!departure) return departure.error();
        const auto back = person.log_in(departure->authorize_url);
        const CookieLookup cookies = [&](std::string_view name) {
            std::vector<std::string> values;
            if (name == departure->cookie_name) values.emplace_back(departure->cookie.reveal());
            return values;
        };
        auto arrival = await(latchkey.async_callback(
            ProviderId{"salesforce"}, back.substr(back.find('?') + 1), cookies, Deadline::in(30s)));
        if (!arrival) return arrival.error();
        const auto& url = arrival->redirect_url;
        const auto fields = parse_form(url.substr(url.find('?') + 1)).value();
        auto completion = await(latchkey.async_complete(
            FlowId{only(fields, "flow").value()}, Secret{only(fields, "ticket").value()}, end_user,
            ApiKeyId{"app"}, Deadline::in(30s)));
        if (!completion) return completion.error();
        return completion->connection;
    }
};

}  // namespace latchkey::test
