#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>

#include "base/text.h"
#include "connect/connect_flow.h"
#include "connect/revoker.h"
#include "emulator/emulator.h"
#include "net/net_transport.h"
#include "store/memory_journal.h"
#include "store/memory_store.h"
#include "tests/support/run.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;

/// A person with a browser before the emulator, on real sockets of this machine's loopback.
class Person {
public:
    Person(boost::asio::io_context& loop, Transport& transport) : loop_(loop), net_(transport) {}

    /// Logs in and presses `decision`. returns the URL that Salesforce then sends the browser to
    std::string walk(const std::string& authorize_url, const std::string& decision) {
        const auto path = authorize_url.find('/', authorize_url.find("//") + 2);
        origin_ = Origin::parse(authorize_url.substr(0, path)).value();
        HttpRequest visit{"GET", authorize_url.substr(path)};
        const auto login = send(std::move(visit));
        const auto consent = post(
            {{"flow", hidden(login.body)}, {"username", "ada@acme.example"}, {"pw", "latchkey"}});
        const auto done = post({{"flow", hidden(consent.body)}, {"decision", decision}});
        return std::string{done.headers.find("Location").value_or("")};
    }

private:
    HttpResponse post(const FormFields& fields) {
        HttpRequest request{"POST", "/services/oauth2/authorize"};
        request.headers.add("Content-Type", "application/x-www-form-urlencoded");
        request.body = print_form(fields);
        return send(std::move(request));
    }
    HttpResponse send(HttpRequest request) {
        return test::run(loop_, net_.send(origin_, std::move(request), Deadline::in(5s))).value();
    }
    static std::string hidden(const std::string& page) {
        constexpr std::string_view mark = "name=\"flow\" value=\"";
        const auto start = page.find(mark);
        REQUIRE(start != std::string::npos);
        const auto from = start + mark.size();
        return page.substr(from, page.find('"', from) - from);
    }

    boost::asio::io_context& loop_;
    Transport& net_;
    Origin origin_;
};

/// Everything real but the store's disk: clocks, randomness, sockets, and the emulator's protocol.
struct Street {
    boost::asio::io_context loop;
    SystemClock clock;
    SystemRandom random;
    NoLog log;
    NoStops stops;
    emulator::Emulator salesforce{loop, emulator_options(), clock, log};
    std::uint16_t port = salesforce.start().value();
    NetTransport net{net_options(port), clock};
    TokenEndpoint endpoint{net, clock};
    MemoryStore store{clock, random};
    KeyRing keys = fresh_keys(random);
    MemoryJournal journal{NodeId{"node-1"}, clock};
    Vault vault{store, journal, keys, "installation-1", random, clock};
    Providers providers{{provider(salesforce.url())}};
    ConnectFlow flow{parts()};
    Revoker revoker{parts()};
    Person person{loop, net};

    static emulator::Options emulator_options() {
        emulator::Options options;
        options.port = 0;
        return options;
    }
    static NetOptions net_options(std::uint16_t to) {
        NetOptions options;
        options.private_origins.push_back(
            Origin::parse("http://127.0.0.1:" + std::to_string(to)).value());
        return options;
    }
    static KeyRing fresh_keys(Random& random) {
        KeyRing ring;
        ring.add("0badcafe", Secret{from_base64url(random_text(random, 32)).value()}).value();
        return ring;
    }
    static Provider provider(std::string login_url) {
        Provider demo;
        demo.id = ProviderId{"salesforce"};
        demo.client_id = "latchkey-demo";
        demo.proof = SecretProof{Secret{"latchkey-demo-secret"}};
        demo.login_url = std::move(login_url);
        demo.redirect_uri = "http://127.0.0.1:8717/oauth/callback/salesforce";
        demo.any_loopback_return_url = true;
        return demo;
    }
    ConnectParts parts() {
        return ConnectParts{loop,
                            vault,
                            store,
                            journal,
                            endpoint,
                            providers,
                            clock,
                            random,
                            log,
                            stops,
                            [](const ConnectionId&) {}};
    }
    template <class T>
    T run(Async<T> work) {
        return test::run(loop, std::move(work));
    }

    /// A login up to the browser's return to the app. returns the URL it is sent to there
    Arrival log_in(const std::string& decision) {
        ConnectWish wish;
        wish.owner = ApiKeyId{"key-1"};
        wish.end_user = "ada";
        wish.return_url = "http://localhost:3000/done";
        const auto opened = run(flow.open(std::move(wish), Deadline::in(5s))).value();
        const auto departure = run(flow.start(opened.link, {}, Deadline::in(5s))).value();
        const std::string callback = person.walk(departure.authorize_url, decision);
        REQUIRE(callback.starts_with("http://127.0.0.1:8717/oauth/callback/salesforce?"));
        const std::string cookie{departure.cookie.reveal()};
        const std::string name = departure.cookie_name;
        const CookieLookup cookies = [name, cookie](std::string_view wanted) {
            return wanted == name ? std::vector<std::string>{cookie} : std::vector<std::string>{};
        };
        return run(flow.callback(ProviderId{"salesforce"}, callback.substr(callback.find('?') + 1),
                                 cookies, Deadline::in(5s)))
            .value();
    }
    static std::string parameter(const std::string& url, std::string_view name) {
        const auto fields = parse_form(url.substr(url.find('?') + 1)).value();
        return only(fields, name).value_or("");
    }
    std::string ledger() {
        HttpRequest request{"GET", "/__emulator/ledger"};
        const auto origin = Origin::parse(salesforce.url()).value();
        return run(net.send(origin, std::move(request), Deadline::in(5s))).value().body;
    }
};

TEST_CASE("a person connects through the emulator's pages, and the connection can be given back") {
    Street street;
    const auto arrival = street.log_in("allow");
    const std::string ticket = Street::parameter(arrival.redirect_url, "ticket");
    const FlowId flow{Street::parameter(arrival.redirect_url, "flow")};
    const auto completion = street.run(
        street.flow.complete(flow, Secret{ticket}, "ada", ApiKeyId{"key-1"}, Deadline::in(5s)));
    REQUIRE(completion.has_value());
    const Connection& connection = completion->connection;
    CHECK(connection.username == "ada@acme.example");
    CHECK(connection.standing == Standing::active);
    CHECK(connection.org_id.size() == 18);
    CHECK(connection.instance_url == street.salesforce.url());

    REQUIRE(street.run(street.revoker.revoke(connection.id, Deadline::in(5s))).has_value());
    boost::asio::co_spawn(street.loop, street.revoker.run(), [](std::exception_ptr) {});
    Standing standing = Standing::revoking;
    for (const auto until = Deadline::in(5s);
         standing != Standing::revoked && !until.passed(street.clock.steady());) {
        standing =
            street.run(street.store.connections().find(connection.id, Deadline::in(5s)))->standing;
    }
    CHECK(standing == Standing::revoked);
    const std::string ledger = street.ledger();
    CHECK(ledger.find("\"live_tokens\":0") != std::string::npos);
    CHECK(ledger.find("\"reuses\":0") != std::string::npos);
    street.revoker.stop();
}

TEST_CASE("a person who presses Deny at the emulator comes back to the app with access_denied") {
    Street street;
    const auto arrival = street.log_in("deny");
    CHECK(Street::parameter(arrival.redirect_url, "error") == "access_denied");
    CHECK(arrival.redirect_url.starts_with("http://localhost:3000/done?"));
}

}  // namespace
}  // namespace latchkey
