#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <boost/asio/co_spawn.hpp>

#include "base/text.h"
#include "connect/connect_flow.h"
#include "connect/flow_words.h"
#include "connect/revoker.h"
#include "salesforce/identity.h"
#include "store/memory_journal.h"
#include "store/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/scripted_transport.h"

/// The bench on which the tests of this room stand: real vault, store in memory, scripted server,
/// time that only the test moves, randomness that repeats.
namespace latchkey::test {

using namespace std::chrono_literals;

class SeededRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override {
        for (auto& byte : out) {
            state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
            byte = static_cast<std::byte>(state_ >> 56);
        }
    }

private:
    std::uint64_t state_ = 20260511;
};

/// Counts records by event and keeps all their text, to be searched for secrets.
class CountingLog final : public Log {
public:
    void write(Level, std::string_view event,
               std::initializer_list<Field> fields) noexcept override {
        ++events_[std::string{event}];
        text_ += event;
        for (const Field& field : fields) text_ += ' ' + field.value;
        text_ += '\n';
    }
    int count(const std::string& event) const {
        const auto found = events_.find(event);
        return found == events_.end() ? 0 : found->second;
    }
    const std::string& text() const { return text_; }

private:
    std::map<std::string, int> events_;
    std::string text_;
};

/// Ends the "process" at a named point.
struct Crash {
    std::string point;
};
class CrashAt final : public Stops {
public:
    void reached(std::string_view point) override {
        if (point != at) return;
        if (!instead) throw Crash{std::string{point}};
        instead();
    }
    std::string at;
    std::function<void()> instead;  ///< happens at the point, which is then passed
};

inline const std::string client_secret =
    "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";

/// One answer of the token endpoint, right in everything until a test changes something.
struct TokenJson {
    std::string access = "00Dxx!access-1";
    std::string refresh = "5Aep861.refresh-1";
    std::string instance = "https://acme.my.salesforce.com";
    std::string org = "00Dxx0000001gPL";
    std::string user = "005xx000001SwiU";
    std::string token_type = "Bearer";
    std::string scope = "api refresh_token id";
    std::string extra;  ///< further members, beginning with a comma
    std::optional<std::string> signature;

    std::string id() const {
        return "https://login.salesforce.com/id/" + salesforce::id18(org).value() + "/" +
               salesforce::id18(user).value();
    }
    std::string signed_id() const {
        const std::string text = id() + "1763900000000";
        unsigned char mac[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        HMAC(EVP_sha256(), client_secret.data(), static_cast<int>(client_secret.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
        return base64({reinterpret_cast<const char*>(mac), size});
    }
    std::string text() const {
        const auto member = [](const char* name, const std::string& value) {
            return value.empty() ? std::string{}
                                 : ",\"" + std::string{name} + "\":\"" + value + '"';
        };
        return "{\"access_token\":\"" + access + '"' + member("refresh_token", refresh) +
               member("instance_url", instance) + member("id", id()) +
               member("token_type", token_type) + member("issued_at", "1763900000000") +
               member("signature", signature.value_or(signed_id())) + member("scope", scope) +
               extra + "}";
    }
    std::string profile() const {
        return "{\"user_id\":\"" + salesforce::id18(user).value() + "\",\"organization_id\":\"" +
               salesforce::id18(org).value() +
               "\",\"username\":\"ada@acme.example\",\"display_name\":\"Ada\"}";
    }
};

inline std::vector<Provider> bench_providers() {
    Provider production;
    production.id = ProviderId{"salesforce"};
    production.client_id = "client-1";
    production.proof = SecretProof{Secret{client_secret}};
    production.login_url = "https://login.salesforce.com";
    production.redirect_uri = "https://connect.example.com/oauth/callback/salesforce";
    production.return_urls = {"https://app.example.com/done"};
    Provider sandbox = production;
    sandbox.id = ProviderId{"sandbox"};
    sandbox.login_url = "https://test.salesforce.com";
    sandbox.redirect_uri = "https://connect.example.com/oauth/callback/sandbox";
    Provider anywhere = production;
    anywhere.id = ProviderId{"anywhere"};
    anywhere.proof = PublicProof{};
    anywhere.login_url.reset();
    anywhere.redirect_uri = "https://connect.example.com/oauth/callback/anywhere";
    return {production, sandbox, anywhere};
}

/// A browser's cookies: those under one name.
inline CookieLookup jar(std::string name, std::vector<std::string> values) {
    return [name = std::move(name), values = std::move(values)](std::string_view wanted) {
        return wanted == name ? values : std::vector<std::string>{};
    };
}

/// The value of one query parameter of a URL, decoded; empty if absent.
inline std::string parameter(const std::string& url, std::string_view name) {
    const auto question = url.find('?');
    if (question == std::string::npos) return {};
    const auto fields = parse_form(std::string_view{url}.substr(question + 1));
    return fields ? only(*fields, name).value_or("") : std::string{};
}

struct FlowBench {
    FakeClock clock;
    SeededRandom random;
    boost::asio::io_context loop;
    MemoryStore store{clock, random};
    KeyRing keys = one_key();
    MemoryJournal journal{NodeId{"node-1"}, clock};
    Vault vault{store, journal, keys, "installation-1", random, clock};
    ScriptedTransport server;
    TokenEndpoint endpoint{server, clock};
    Providers providers{bench_providers()};
    CountingLog log;
    CrashAt stops;
    std::vector<ConnectionId> changed;
    std::unique_ptr<ConnectFlow> flow = make_flow();

    static KeyRing one_key() {
        KeyRing ring;
        ring.add("0badcafe", Secret{std::string(32, 'k')}).value();
        return ring;
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
                            [this](const ConnectionId& id) { changed.push_back(id); }};
    }
    std::unique_ptr<ConnectFlow> make_flow() { return std::make_unique<ConnectFlow>(parts()); }
    /// The process has ended; another one opens the store.
    void restart() {
        stops.at.clear();
        flow = make_flow();
        REQUIRE(run(loop, flow->recover(soon())).has_value());
    }
    Deadline soon() { return clock.in(5s); }

    static ConnectWish wish_of(std::string end_user, std::string provider = "salesforce") {
        ConnectWish wish;
        wish.owner = ApiKeyId{"key-1"};
        wish.end_user = std::move(end_user);
        wish.provider = ProviderId{std::move(provider)};
        wish.purpose = "Copy your contacts";
        wish.return_url = "https://app.example.com/done";
        return wish;
    }
    Result<OpenedFlow> open(ConnectWish wish) {
        return run(loop, flow->open(std::move(wish), soon()));
    }
    Result<LinkView> look(Secret link) { return run(loop, flow->look(std::move(link), soon())); }
    Result<Departure> start(Secret link, std::optional<std::string> login = {}) {
        return run(loop, flow->start(std::move(link), std::move(login), soon()));
    }
    Result<Arrival> callback(std::string query, CookieLookup cookies,
                             std::string provider = "salesforce") {
        return run(loop, flow->callback(ProviderId{std::move(provider)}, std::move(query),
                                        std::move(cookies), soon()));
    }
    Result<Completion> complete(FlowId id, std::string ticket, std::string end_user = "ada",
                                std::string key = "key-1") {
        return run(loop, flow->complete(std::move(id), Secret{ticket}, std::move(end_user),
                                        ApiKeyId{std::move(key)}, soon()));
    }
    FlowRow row(const FlowId& id) { return run(loop, store.flows().by_id(id, soon())).value(); }

    /// A person on the way: what the browser and the app's backend hold.
    struct Journey {
        FlowId id;
        std::string state;
        CookieLookup cookies;
        std::string ticket;
        std::string provider = "salesforce";
        std::string query(const std::string& code = "code-1") const {
            return "code=" + code + "&state=" + state;
        }
    };
    /// Up to the moment at which the browser is at Salesforce.
    Journey depart(ConnectWish wish) {
        Journey journey;
        journey.provider = wish.provider ? wish.provider->text : "salesforce";
        const auto opened = open(std::move(wish)).value();
        const auto departure = start(opened.link).value();
        journey.id = opened.id;
        journey.state = parameter(departure.authorize_url, "state");
        journey.cookies = jar(departure.cookie_name, {std::string{departure.cookie.reveal()}});
        return journey;
    }
    Journey depart(std::string end_user = "ada") { return depart(wish_of(std::move(end_user))); }
    /// Up to the moment at which the app's backend has the ticket.
    Journey arrive(ConnectWish wish) {
        Journey journey = depart(std::move(wish));
        const auto arrival = callback(journey.query(), journey.cookies, journey.provider).value();
        journey.ticket = parameter(arrival.redirect_url, "ticket");
        return journey;
    }
    Journey arrive(std::string end_user = "ada") { return arrive(wish_of(std::move(end_user))); }

    /// The server answers the exchange, and then who that is.
    void will_issue(const TokenJson& tokens) {
        server.answer(200, tokens.text(), json());
        server.answer(200, tokens.profile(), json());
    }
    static Headers json() { return Headers{{"Content-Type", "application/json;charset=UTF-8"}}; }
    /// The whole way.
    Connection connect(std::string end_user = "ada", const TokenJson& tokens = {}) {
        const Journey journey = arrive(end_user);
        will_issue(tokens);
        return complete(journey.id, journey.ticket, end_user).value().connection;
    }
    ConnectWish reconnect_of(const Connection& connection) {
        ConnectWish wish = wish_of(connection.end_user, connection.provider.text);
        wish.connection = connection.id;
        return wish;
    }

    int requests(std::string_view path) const {
        int count = 0;
        for (const auto& seen : server.seen())
            if (seen.request.target.starts_with(path)) ++count;
        return count;
    }
    int exchanges() const { return requests("/services/oauth2/token"); }
    int revocations() const { return requests("/services/oauth2/revoke"); }
    std::vector<GrantRow> grants_of(const ConnectionId& id) const {
        std::vector<GrantRow> rows;
        for (auto& row : store.all_grants())
            if (row.key.connection == id) rows.push_back(std::move(row));
        return rows;
    }
    /// Lets everything run that can without time passing.
    void settle() {
        loop.restart();
        while (loop.poll() != 0) {
        }
    }
};

}  // namespace latchkey::test
