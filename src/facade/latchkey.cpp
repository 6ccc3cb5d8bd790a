#include <utility>

#include "facade/acts.h"
#include "facade/hop.h"
#include "facade/impl.h"
#include "facade/loopback_login.h"
#include "facade/operating.h"

// The face: each act in its two forms. The work itself is in acts.h; what is here is only the way
// to the library's loop and back.
namespace latchkey {

namespace {

/// How long the blocking forms wait.
constexpr std::chrono::seconds patience{60};

Deadline soon() {
    return Deadline::in(patience);
}

}  // namespace

Task<OpenedFlow> Latchkey::async_open_flow(ConnectWish wish, Deadline by) {
    return on_loop(impl_->house, acts::open_flow(*impl_->house, std::move(wish), by), by);
}

Task<LinkView> Latchkey::async_look(Secret link, Deadline by) {
    return on_loop(impl_->house, acts::look(*impl_->house, std::move(link), by), by);
}

Task<Departure> Latchkey::async_start(Secret link, std::optional<std::string> login_host,
                                      Deadline by) {
    return on_loop(impl_->house,
                   acts::start(*impl_->house, std::move(link), std::move(login_host), by), by);
}

Task<Arrival> Latchkey::async_callback(ProviderId provider, std::string query, CookieLookup cookies,
                                       Deadline by) {
    return on_loop(impl_->house,
                   acts::callback(*impl_->house, std::move(provider), std::move(query),
                                  std::move(cookies), by),
                   by);
}

Task<Completion> Latchkey::async_complete(FlowId flow, Secret ticket, std::string end_user,
                                          ApiKeyId caller, Deadline by) {
    return on_loop(impl_->house,
                   acts::complete(*impl_->house, std::move(flow), std::move(ticket),
                                  std::move(end_user), std::move(caller), by),
                   by);
}

Task<Connection> Latchkey::async_login(LoopbackLogin login, Deadline by) {
    return on_loop(impl_->house, loopback_login(*impl_->house, std::move(login), by), by);
}

Result<Connection> Latchkey::login(LoopbackLogin login) {
    // The person's time is login.wait; on top of it comes the time to redeem what they bring.
    const auto by = Deadline::in(login.wait + patience);
    return wait_for(impl_->house, loopback_login(*impl_->house, std::move(login), by), by);
}

Task<Connection> Latchkey::async_connection(ConnectionId id, Deadline by) {
    return on_loop(impl_->house, acts::connection(*impl_->house, std::move(id), by), by);
}

Result<Connection> Latchkey::connection(ConnectionId id) {
    const auto by = soon();
    return wait_for(impl_->house, acts::connection(*impl_->house, std::move(id), by), by);
}

Task<ConnectionList> Latchkey::async_connections(ConnectionFilter filter, Deadline by) {
    return on_loop(impl_->house, acts::connections(*impl_->house, std::move(filter), by), by);
}

Result<ConnectionList> Latchkey::connections(ConnectionFilter filter) {
    const auto by = soon();
    return wait_for(impl_->house, acts::connections(*impl_->house, std::move(filter), by), by);
}

Task<Connection> Latchkey::async_revoke(ConnectionId id, Deadline by) {
    return on_loop(impl_->house, acts::revoke(*impl_->house, std::move(id), by), by);
}

Result<Connection> Latchkey::revoke(ConnectionId id) {
    const auto by = soon();
    return wait_for(impl_->house, acts::revoke(*impl_->house, std::move(id), by), by);
}

Task<Connection> Latchkey::async_refresh(ConnectionId id, Deadline by) {
    return on_loop(impl_->house, acts::refresh(*impl_->house, std::move(id), by), by);
}

Result<Connection> Latchkey::refresh(ConnectionId id) {
    const auto by = soon();
    return wait_for(impl_->house, acts::refresh(*impl_->house, std::move(id), by), by);
}

Task<Connection> Latchkey::async_quarantine(ConnectionId id, Deadline by) {
    return on_loop(impl_->house, acts::quarantine(*impl_->house, std::move(id), by), by);
}

Task<Connection> Latchkey::async_release(ConnectionId id, Deadline by) {
    return on_loop(impl_->house, acts::release(*impl_->house, std::move(id), by), by);
}

Task<AccessToken> Latchkey::async_token(ConnectionId id, TokenDemand demand, Deadline by) {
    return on_loop(impl_->house, acts::token(*impl_->house, std::move(id), demand, by), by);
}

Result<AccessToken> Latchkey::token(ConnectionId id, TokenDemand demand) {
    const auto by = soon();
    return wait_for(impl_->house, acts::token(*impl_->house, std::move(id), demand, by), by);
}

Task<ApiResponse> Latchkey::async_call(ApiRequest request, Deadline by) {
    return on_loop(impl_->house, acts::call(*impl_->house, std::move(request), by), by);
}

Result<ApiResponse> Latchkey::call(ApiRequest request) {
    const auto by = soon();
    return wait_for(impl_->house, acts::call(*impl_->house, std::move(request), by), by);
}

Task<QueryPage> Latchkey::async_query(ConnectionId id, std::string soql, Deadline by) {
    return on_loop(impl_->house, acts::query(*impl_->house, std::move(id), std::move(soql), by),
                   by);
}

Result<QueryPage> Latchkey::query(ConnectionId id, std::string soql) {
    const auto by = soon();
    return wait_for(impl_->house, acts::query(*impl_->house, std::move(id), std::move(soql), by),
                    by);
}

Task<QueryPage> Latchkey::async_query_more(ConnectionId id, std::string next, Deadline by) {
    return on_loop(impl_->house,
                   acts::query_more(*impl_->house, std::move(id), std::move(next), by), by);
}

Result<QueryPage> Latchkey::query_more(ConnectionId id, std::string next) {
    const auto by = soon();
    return wait_for(impl_->house,
                    acts::query_more(*impl_->house, std::move(id), std::move(next), by), by);
}

Task<Status> Latchkey::async_status(Deadline by) {
    return on_loop(impl_->house, acts::status(*impl_->house, by), by);
}

Result<Status> Latchkey::status() {
    const auto by = soon();
    return wait_for(impl_->house, acts::status(*impl_->house, by), by);
}

Task<EventList> Latchkey::async_events(std::int64_t after, std::size_t limit, Deadline by) {
    return on_loop(impl_->house, acts::events(*impl_->house, after, limit, by), by);
}

Result<EventList> Latchkey::events(std::int64_t after, std::size_t limit) {
    const auto by = soon();
    return wait_for(impl_->house, acts::events(*impl_->house, after, limit, by), by);
}

Task<KillSwitch> Latchkey::async_turn_on_kill_switch(KillSwitch wish, Deadline by) {
    return on_loop(impl_->house, acts::turn_on_kill_switch(*impl_->house, std::move(wish), by), by);
}

Result<KillSwitch> Latchkey::turn_on_kill_switch(KillSwitch wish) {
    const auto by = soon();
    return wait_for(impl_->house, acts::turn_on_kill_switch(*impl_->house, std::move(wish), by),
                    by);
}

Task<KillSwitch> Latchkey::async_turn_off_kill_switch(ProviderId provider, Deadline by) {
    return on_loop(impl_->house, acts::turn_off_kill_switch(*impl_->house, std::move(provider), by),
                   by);
}

Result<KillSwitch> Latchkey::turn_off_kill_switch(ProviderId provider) {
    const auto by = soon();
    return wait_for(impl_->house,
                    acts::turn_off_kill_switch(*impl_->house, std::move(provider), by), by);
}

Task<std::vector<KillSwitch>> Latchkey::async_kill_switches(Deadline by) {
    return on_loop(impl_->house, acts::kill_switches(*impl_->house, by), by);
}

Result<std::vector<KillSwitch>> Latchkey::kill_switches() {
    const auto by = soon();
    return wait_for(impl_->house, acts::kill_switches(*impl_->house, by), by);
}

Task<SealingKeys> Latchkey::async_sealing_keys(Deadline by) {
    return on_loop(impl_->house, acts::sealing_keys(*impl_->house, by), by);
}

Result<SealingKeys> Latchkey::sealing_keys() {
    const auto by = soon();
    return wait_for(impl_->house, acts::sealing_keys(*impl_->house, by), by);
}

Task<SealingKey> Latchkey::async_change_sealing_key(Deadline by) {
    return on_loop(impl_->house, acts::change_sealing_key(*impl_->house, by), by);
}

Result<SealingKey> Latchkey::change_sealing_key() {
    const auto by = soon();
    return wait_for(impl_->house, acts::change_sealing_key(*impl_->house, by), by);
}

Task<NewApiKey> Latchkey::async_create_api_key(ApiKeyWish wish, Deadline by) {
    return on_loop(impl_->house, acts::create_api_key(*impl_->house, std::move(wish), by), by);
}

Result<NewApiKey> Latchkey::create_api_key(ApiKeyWish wish) {
    const auto by = soon();
    return wait_for(impl_->house, acts::create_api_key(*impl_->house, std::move(wish), by), by);
}

Task<std::vector<ApiKey>> Latchkey::async_api_keys(Deadline by) {
    return on_loop(impl_->house, acts::api_keys(*impl_->house, by), by);
}

Result<std::vector<ApiKey>> Latchkey::api_keys() {
    const auto by = soon();
    return wait_for(impl_->house, acts::api_keys(*impl_->house, by), by);
}

Task<ApiKey> Latchkey::async_revoke_api_key(ApiKeyId id, Deadline by) {
    return on_loop(impl_->house, acts::revoke_api_key(*impl_->house, std::move(id), by), by);
}

Result<ApiKey> Latchkey::revoke_api_key(ApiKeyId id) {
    const auto by = soon();
    return wait_for(impl_->house, acts::revoke_api_key(*impl_->house, std::move(id), by), by);
}

Task<Caller> Latchkey::async_check_api_key(Secret presented, Deadline by) {
    return on_loop(impl_->house, acts::check_api_key(*impl_->house, std::move(presented), by), by);
}

}  // namespace latchkey
