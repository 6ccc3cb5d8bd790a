#include "facade/session_desk.h"

#include <utility>

#include "access/sessions.h"
#include "facade/hop.h"
#include "facade/house.h"
#include "facade/relay_desk.h"

namespace latchkey {

namespace {

/// Remembers nothing, so each piece of work has one of its own.
Sessions sessions_in(House& house) {
    auto& ground = house.ground();
    return {ground.store->sessions(),
            ground.store->grants(),
            ground.store->api_keys(),
            house.rooms().api_keys.gates(),
            ground.keys,
            ground.random,
            ground.clock,
            ground.switches};
}

Task<NewSession> do_open(House& house, SessionWish wish, Deadline by) {
    auto sessions = sessions_in(house);
    auto opened = co_await sessions.open(std::move(wish), by);
    co_return opened;
}

Task<std::vector<GatewaySession>> do_list(House& house, ConnectionId connection, Deadline by) {
    auto sessions = sessions_in(house);
    auto found = co_await sessions.list(std::move(connection), by);
    co_return found;
}

Task<void> do_end(House& house, ConnectionId connection, SessionId id, Deadline by) {
    auto sessions = sessions_in(house);
    auto ended = co_await sessions.end(connection, std::move(id), by);
    // Forgotten even if the outcome is not known: the store is asked again.
    house.ground().changes.note(connection);
    co_return ended;
}

Task<SessionCaller> do_check(House& house, Secret token, Deadline by) {
    auto sessions = sessions_in(house);
    auto caller = co_await sessions.check(std::move(token), by);
    co_return caller;
}

Task<NewSession> do_renew(House& house, Secret refresh_token, Deadline by) {
    auto sessions = sessions_in(house);
    auto opened = co_await sessions.renew(std::move(refresh_token), by);
    co_return opened;
}

Task<GatewaySession> do_end_of(House& house, Secret token, Deadline by) {
    auto sessions = sessions_in(house);
    auto ended = co_await sessions.end(std::move(token), by);
    if (ended) house.ground().changes.note(ended->connection);
    co_return ended;
}

}  // namespace

SessionDesk::SessionDesk(Latchkey& library) : house_(RelayDesk::house_of(library)) {}

Task<NewSession> SessionDesk::open(SessionWish wish, Deadline by) {
    return on_loop(house_, do_open(*house_, std::move(wish), by), by);
}

Task<std::vector<GatewaySession>> SessionDesk::list(ConnectionId connection, Deadline by) {
    return on_loop(house_, do_list(*house_, std::move(connection), by), by);
}

Task<void> SessionDesk::end(ConnectionId connection, SessionId id, Deadline by) {
    return on_loop(house_, do_end(*house_, std::move(connection), std::move(id), by), by);
}

Task<SessionCaller> SessionDesk::check(Secret token, Deadline by) {
    return on_loop(house_, do_check(*house_, std::move(token), by), by);
}

Task<NewSession> SessionDesk::renew(Secret refresh_token, Deadline by) {
    return on_loop(house_, do_renew(*house_, std::move(refresh_token), by), by);
}

Task<GatewaySession> SessionDesk::end_of(Secret token, Deadline by) {
    return on_loop(house_, do_end_of(*house_, std::move(token), by), by);
}

}  // namespace latchkey
