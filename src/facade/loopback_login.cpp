#include "facade/loopback_login.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/text.h"
#include "facade/loopback_page.h"
#include "net/http_server.h"
#include "salesforce/errors.h"

namespace latchkey {

namespace {

using namespace std::chrono_literals;

constexpr auto time_to_redeem = 60s;  // after the person has come back
constexpr auto time_for_the_page = 2s;
constexpr auto slice = 1s;  // how often the clock that counts suspension is looked at

using Timer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

/// One login, shared between who waits and the requests that come in. The house outlives it: the
/// server, and with it every request, is stopped before the login returns.
struct Session {
    House& house;
    LoopbackPlace place;
    ProviderId provider;
    std::string end_user;
    Departure departure;
    Timer settled;  ///< cancelled when there is an outcome
    std::optional<Result<Connection>> outcome;
    bool redeeming = false;

    Session(House& h, Executor on) : house(h), settled(on, Timer::time_point::max()) {}

    void settle(Result<Connection> result) {
        outcome.emplace(std::move(result));
        settled.cancel();
    }
};

CookieLookup jar_of(const Departure& departure) {
    return [name = departure.cookie_name, cookie = departure.cookie](std::string_view asked) {
        std::vector<std::string> values;
        if (asked == name) values.emplace_back(cookie.reveal());
        return values;
    };
}

Reply not_connected(const Error& error) {
    return loopback_page(400, "Not connected", error.message);
}

/// What came back instead of a ticket. The flow has judged it and gives its code on.
Error refused_at_salesforce(std::string_view code) {
    auto error = salesforce::callback_problem(code, {});
    error.code = printable(code, 64);
    return error;
}

Task<Connection> redeem(std::shared_ptr<Session> session, std::string returned_to) {
    const auto fields = parse_form(std::string_view{returned_to}.substr(
        std::min(returned_to.size(), returned_to.find('?') + 1)));
    if (!fields) co_return refused_at_salesforce("invalid_callback");
    if (const auto error = only(*fields, "error")) co_return refused_at_salesforce(*error);
    FlowId flow{only(*fields, "flow").value_or("")};
    Secret ticket = Secret::take(only(*fields, "ticket").value_or(""));
    wipe(returned_to);
    std::string end_user = session->end_user;
    ApiKeyId owner{std::string{loopback_owner}};
    const auto by = session->house.ground().clock.in(time_to_redeem);
    auto completion = co_await session->house.rooms().connect.complete(
        std::move(flow), std::move(ticket), std::move(end_user), std::move(owner), by);
    if (!completion) co_return completion.error();
    co_return std::move(completion->connection);
}

Async<Reply> take_callback(std::shared_ptr<Session> session, std::string query) {
    // A page that is loaded again, or a second tab, must not disturb what the first one began.
    if (session->redeeming) {
        co_return loopback_page(200, "Almost done", "You can close this window.");
    }
    const auto by = session->house.ground().clock.in(time_to_redeem);
    ProviderId provider = session->provider;
    CookieLookup cookies = jar_of(session->departure);
    auto arrival = co_await session->house.rooms().connect.callback(
        std::move(provider), std::move(query), std::move(cookies), by);
    // Nobody but Salesforce knows the state: what arrives without it is somebody else's, and the
    // person may still be on the way.
    if (!arrival) co_return not_connected(arrival.error());
    if (session->redeeming) {
        co_return loopback_page(200, "Almost done", "You can close this window.");
    }
    session->redeeming = true;
    auto connection = co_await redeem(session, std::move(arrival->redirect_url));
    Reply reply;
    if (connection) {
        reply = loopback_page(200, "Connected", "You can close this window.");
    } else {
        reply = not_connected(connection.error());
    }
    session->settle(std::move(connection));
    co_return reply;
}

Async<Reply> serve(std::shared_ptr<Session> session, ServedRequest request) {
    switch (what_is_asked(request, session->place)) {
        case LoopbackAsk::callback: {
            auto reply = co_await take_callback(session, std::move(request.query));
            co_return reply;
        }
        case LoopbackAsk::preflight:
            co_return preflight_reply(request, session->departure.login_origin);
        case LoopbackAsk::other:
            break;
    }
    co_return loopback_page(404, "Not found", "There is nothing here.");
}

/// Waits for the outcome, at the latest until `by` for the person to come back, and for as long as
/// it takes then: redeeming is bounded and must not be left half done.
Async<void> await_outcome(std::shared_ptr<Session> session, Deadline by) {
    auto& clock = session->house.ground().clock;
    while (!session->outcome && (session->redeeming || !by.passed(clock.steady()))) {
        const std::chrono::nanoseconds left = by.at - clock.steady();
        session->settled.expires_after(session->redeeming
                                           ? std::chrono::nanoseconds{slice}
                                           : std::min<std::chrono::nanoseconds>(left, slice));
        boost::system::error_code woken;
        co_await session->settled.async_wait(boost::asio::redirect_error(use_task, woken));
    }
}

Task<Departure> depart(House& house, Provider provider, LoopbackLogin login, Deadline by) {
    ConnectWish wish;
    wish.owner = ApiKeyId{std::string{loopback_owner}};
    wish.end_user = std::move(login.end_user);
    wish.provider = provider.id;
    wish.return_url = std::string{loopback_return_url};
    wish.login_host = std::move(login.login_host);
    wish.connection = std::move(login.connection);
    wish.login_hint = std::move(login.login_hint);
    auto opened = co_await house.rooms().connect.open(std::move(wish), by);
    if (!opened) co_return opened.error();
    std::optional<std::string> none;
    auto departure =
        co_await house.rooms().connect.start(std::move(opened->link), std::move(none), by);
    co_return departure;
}

/// The program's own function may throw; that ends this login and nothing else.
Result<void> show_it(const std::function<void(const std::string&)>& show, const std::string& url) {
    try {
        show(url);
        return {};
    } catch (const std::exception& thrown) {
        return Error{Fault::internal, "show_failed",
                     "The login page could not be shown: " + printable(thrown.what())};
    }
}

Result<Provider> provider_of(House& house, const LoopbackLogin& login) {
    const auto& providers = house.ground().providers;
    return login.provider ? providers.find(*login.provider) : providers.only_one();
}

}  // namespace

Task<Connection> loopback_login(House& house, LoopbackLogin login, Deadline by) {
    if (!login.show) {
        co_return Error{Fault::bad_input, "show_missing",
                        "Nobody would see where to log in. Set LoopbackLogin::show."};
    }
    auto provider = provider_of(house, login);
    if (!provider) co_return provider.error();
    auto place = loopback_place(provider->redirect_uri);
    if (!place) co_return place.error();

    const Executor here = co_await boost::asio::this_coro::executor;
    auto session = std::make_shared<Session>(house, here);
    session->place = *place;
    session->provider = provider->id;
    session->end_user = login.end_user;
    const auto person_by = by.sooner(house.ground().clock.in(login.wait).at);
    const auto show = login.show;

    // Listening comes first: a person must not come back to a closed port.
    HttpServer server{
        house.loop(), ServerLimits{},
        [session](ServedRequest request) { return serve(session, std::move(request)); },
        house.ground().log};
    const std::string host = place->origin.host == "localhost" ? "127.0.0.1" : place->origin.host;
    const auto port = server.listen(host, place->origin.port);
    if (!port) co_return port.error();

    Provider chosen = std::move(*provider);
    auto departure = co_await depart(house, std::move(chosen), std::move(login), person_by);
    if (departure) {
        session->departure = std::move(*departure);
        const auto shown = show_it(show, session->departure.authorize_url);
        if (!shown) session->settle(shown.error());
        co_await await_outcome(session, person_by);
        session->redeeming = true;  // who comes now is too late
    } else {
        session->settle(departure.error());
    }
    co_await server.stop(house.ground().clock.in(time_for_the_page));
    if (session->outcome) co_return std::move(*session->outcome);
    co_return Error{Fault::try_later, "login_not_finished",
                    "The login was not finished in time. Start it again."};
}

}  // namespace latchkey
