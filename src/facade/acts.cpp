#include "facade/acts.h"

#include <utility>

#include "access/stored_rules.h"

namespace latchkey::acts {

namespace {

constexpr std::size_t most_listed = 200;

ApiKey shown(const ApiKeyRow& row) {
    ApiKey key;
    key.id = row.id;
    key.label = row.label;
    for (const auto& word : row.permissions) {
        // A word that this version does not know permits nothing.
        if (const auto permission = permission_of(word)) key.permissions.insert(*permission);
    }
    key.created_at = row.created_at;
    key.revoked_at = row.revoked_at;
    if (auto rules = parse_rules(row.rules)) {
        key.rules = std::move(*rules);
    } else {
        // What comes of rules that nobody can read.
        PathRule nothing;
        nothing.path = "/**";
        key.rules.paths.push_back(std::move(nothing));
    }
    return key;
}

/// Sets or clears an operator's quarantine; what is remembered of the connection goes either way.
Task<Connection> set_quarantine(House& house, ConnectionId id, std::string reason, Deadline by) {
    auto& store = *house.ground().store;
    auto row = co_await store.grants().quarantine(id, std::move(reason), by);
    if (!row) co_return row.error();
    house.rooms().refresher.forget(id);
    auto found = co_await store.connections().find(std::move(id), by);
    co_return found;
}

}  // namespace

Task<OpenedFlow> open_flow(House& house, ConnectWish wish, Deadline by) {
    auto opened = co_await house.rooms().connect.open(std::move(wish), by);
    co_return opened;
}

Task<LinkView> look(House& house, Secret link, Deadline by) {
    auto seen = co_await house.rooms().connect.look(std::move(link), by);
    co_return seen;
}

Task<Departure> start(House& house, Secret link, std::optional<std::string> login_host,
                      Deadline by) {
    auto departure =
        co_await house.rooms().connect.start(std::move(link), std::move(login_host), by);
    co_return departure;
}

Task<Arrival> callback(House& house, ProviderId provider, std::string query, CookieLookup cookies,
                       Deadline by) {
    auto arrival = co_await house.rooms().connect.callback(std::move(provider), std::move(query),
                                                           std::move(cookies), by);
    co_return arrival;
}

Task<Completion> complete(House& house, FlowId flow, Secret ticket, std::string end_user,
                          ApiKeyId caller, Deadline by) {
    auto completion = co_await house.rooms().connect.complete(
        std::move(flow), std::move(ticket), std::move(end_user), std::move(caller), by);
    co_return completion;
}

Task<Connection> connection(House& house, ConnectionId id, Deadline by) {
    auto found = co_await house.ground().store->connections().find(std::move(id), by);
    co_return found;
}

Task<ConnectionList> connections(House& house, ConnectionFilter filter, Deadline by) {
    if (filter.limit < 1 || filter.limit > most_listed) {
        co_return Error{Fault::bad_input, "invalid_limit",
                        "A page of connections has 1 to 200 of them. Ask for as many."};
    }
    ConnectionQuery query;
    query.end_user = std::move(filter.end_user);
    query.standing = filter.standing;
    query.provider = std::move(filter.provider);
    query.cursor = std::move(filter.cursor);
    query.limit = filter.limit;
    auto page = co_await house.ground().store->connections().list(std::move(query), by);
    if (!page) co_return page.error();
    ConnectionList list;
    list.items = std::move(page->items);
    list.next_cursor = std::move(page->next_cursor);
    co_return list;
}

Task<Connection> revoke(House& house, ConnectionId id, Deadline by) {
    auto revoking = co_await house.rooms().revoker.revoke(id, by);
    house.ground().changes.note(id);
    co_return revoking;
}

Task<Connection> refresh(House& house, ConnectionId id, Deadline by) {
    auto refreshed = co_await house.rooms().refresher.refresh(id, by);
    house.ground().changes.note(id);
    co_return refreshed;
}

Task<Connection> quarantine(House& house, ConnectionId id, Deadline by) {
    std::string reason = "operator";
    auto held = co_await set_quarantine(house, id, std::move(reason), by);
    house.ground().changes.note(id);
    co_return held;
}

Task<Connection> release(House& house, ConnectionId id, Deadline by) {
    std::string none;
    auto released = co_await set_quarantine(house, id, std::move(none), by);
    house.ground().changes.note(id);
    co_return released;
}

Task<AccessToken> token(House& house, ConnectionId id, TokenDemand demand, Deadline by) {
    auto token = co_await house.rooms().refresher.token(std::move(id), demand, by);
    co_return token;
}

Task<NewApiKey> create_api_key(House& house, ApiKeyWish wish, Deadline by) {
    auto created = co_await house.rooms().api_keys.create(std::move(wish), by);
    if (!created) co_return created.error();
    NewApiKey made;
    made.key = shown(created->row);
    made.secret = std::move(created->key);
    co_return made;
}

Task<std::vector<ApiKey>> api_keys(House& house, Deadline by) {
    auto rows = co_await house.rooms().api_keys.list(by);
    if (!rows) co_return rows.error();
    std::vector<ApiKey> keys;
    keys.reserve(rows->size());
    for (const auto& row : *rows) keys.push_back(shown(row));
    co_return keys;
}

Task<ApiKey> revoke_api_key(House& house, ApiKeyId id, Deadline by) {
    auto revoked = co_await house.rooms().api_keys.revoke(id, by);
    house.ground().changes.note_keys();
    if (!revoked) co_return revoked.error();
    auto row = co_await house.ground().store->api_keys().find(std::move(id), by);
    if (!row) co_return row.error();
    co_return shown(*row);
}

Task<Caller> check_api_key(House& house, Secret presented, Deadline by) {
    auto caller = co_await house.rooms().api_keys.check(std::move(presented), by);
    co_return caller;
}

}  // namespace latchkey::acts
