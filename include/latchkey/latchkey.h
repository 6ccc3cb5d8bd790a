#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/api.h>
#include <latchkey/api_key.h>
#include <latchkey/connect.h>
#include <latchkey/connection.h>
#include <latchkey/error.h>
#include <latchkey/event.h>
#include <latchkey/kill_switch.h>
#include <latchkey/options.h>
#include <latchkey/sealing_key.h>
#include <latchkey/status.h>
#include <latchkey/task.h>
#include <latchkey/token_set.h>

namespace latchkey {

/// A filter for lists of connections.
struct ConnectionFilter {
    std::optional<std::string> end_user;
    std::optional<Standing> standing;
    std::optional<ProviderId> provider;
    std::string cursor;      ///< next_cursor of the page before; empty for the first
    std::size_t limit = 50;  ///< 1 to 200
};
struct ConnectionList {
    std::vector<Connection> items;
    std::string next_cursor;  ///< empty: this was the last page
    ConnectionList() = default;
};

/// A login in this process: it opens the flow, receives the callback on a loopback port, and
/// completes it. It is both app and service, as a command line tool is.
struct LoopbackLogin {
    std::string end_user;
    std::optional<ProviderId> provider;  ///< its redirect_uri says where to listen
    std::optional<std::string> login_host;
    std::optional<ConnectionId> connection;  ///< a reconnect
    std::string login_hint;
    std::chrono::seconds wait{120};  ///< for the person
    /// Shows the authorize URL to the person, for instance by starting a browser. Must return soon.
    std::function<void(const std::string& authorize_url)> show;
    LoopbackLogin() = default;
};

/// The whole job as one object: connect users, keep their grants alive, hand out or use tokens.
///
/// Each act has two forms. The plain one blocks the calling thread and is safe from any thread but
/// the loop's own. The async_ one is a coroutine for any io_context; it hops onto the library's loop
/// and back. Both take how long the caller is willing to wait, the plain ones 60 s; giving up (code
/// deadline_passed) stops the caller, not the work under way. A plain form called on the library's
/// loop is refused (would_block_loop). Errors are listed at the rooms' doors by name; `Error::fault`
/// says who must act.
class Latchkey {
public:
    /// Opens or makes the store, opens the keys, and settles what a former process left.
    /// errors  misconfigured  store_locked, store_not_private, store_on_network, store_unreachable,
    ///                        store_too_new, store_foreign, store_moved, invalid_master_key,
    ///                        wrong_master_key, key_ring_missing, master_key_file, invalid_provider,
    ///                        invalid_egress,
    ///                        tls_files, journal_damaged (journal.h mends it), journal_foreign,
    ///                        journal_locked, journal_not_private, journal_on_network,
    ///                        journal_read_only, journal_too_new, journal_unreachable
    ///                        with a shared database store_and_journal, store_dsn, store_too_old,
    ///                        store_refused, store_not_durable, store_not_synchronous,
    ///                        storage_login, storage_no_database, storage_unknown
    ///         conflict       node_id_in_use: another process runs under this node's name
    ///         try_later      storage_unavailable, storage_read_only, journal_full
    ///         internal       storage_damaged
    static Result<std::unique_ptr<Latchkey>> open(Options options);

    /// For an operator who has put a backup in the place of a store that nobody has open: from now
    /// on Salesforce is asked about each grant before its refresh token is used. Without it a store
    /// that lies behind its journal refuses to refresh (store_put_back). Blocks; opens no key.
    /// returns  the store's new timeline. errors  those of open that speak of the store
    static Result<Timeline> mark_restored(Options options);

    /// Seals the sealing keys under another master key, in one transaction; tokens are not touched.
    /// This node must not run. Others that run go on; each needs the new key at its next start, and
    /// the former one opens the store no more. Blocks.
    /// returns  how many sealing keys there are
    /// errors   those of open · of the next key: misconfigured invalid_master_key, master_key_file
    ///          conflict key_conflict
    static Result<std::size_t> change_master_key(Options options, MasterKeySource next);

    /// For a program with a loop of its own that wants to end it soon: waits there for refreshes under
    /// way, until `by` and at most 40 s, and takes this node's leave of the others, so that its next
    /// start need not wait until it is taken for dead. Called on that loop; nothing may be asked any
    /// more, and the destructor follows.
    Async<void> async_close(Deadline by);

    /// Waits for refreshes under way, at most 40 s, then closes the store. No other call may be under
    /// way. With a loop of the program's own it returns at once; see Options::loop.
    ~Latchkey();
    Latchkey(const Latchkey&) = delete;
    Latchkey& operator=(const Latchkey&) = delete;

    // Connecting. The four steps for a program with web pages of its own, in this order.
    Task<OpenedFlow> async_open_flow(ConnectWish wish, Deadline by);
    Task<LinkView> async_look(Secret link, Deadline by);
    Task<Departure> async_start(Secret link, std::optional<std::string> login_host, Deadline by);
    Task<Arrival> async_callback(ProviderId provider, std::string query, CookieLookup cookies,
                                 Deadline by);
    Task<Completion> async_complete(FlowId flow, Secret ticket, std::string end_user,
                                    ApiKeyId caller, Deadline by);
    /// All four in one, for programs at a person's own machine.
    Task<Connection> async_login(LoopbackLogin login, Deadline by);
    Result<Connection> login(LoopbackLogin login);

    // Connections.
    Task<Connection> async_connection(ConnectionId id, Deadline by);
    Result<Connection> connection(ConnectionId id);
    Task<ConnectionList> async_connections(ConnectionFilter filter, Deadline by);
    Result<ConnectionList> connections(ConnectionFilter filter = {});
    /// Stops all use at once; Salesforce is told in the background, until it has answered.
    Task<Connection> async_revoke(ConnectionId id, Deadline by);
    Result<Connection> revoke(ConnectionId id);
    /// A planned refresh now; within the budget of one rotation a minute.
    Task<Connection> async_refresh(ConnectionId id, Deadline by);
    Result<Connection> refresh(ConnectionId id);
    /// Nothing is handed out until `release`.
    Task<Connection> async_quarantine(ConnectionId id, Deadline by);
    Task<Connection> async_release(ConnectionId id, Deadline by);

    // Tokens and calls.
    Task<AccessToken> async_token(ConnectionId id, TokenDemand demand, Deadline by);
    Result<AccessToken> token(ConnectionId id, TokenDemand demand = {});
    /// One API call with the token put in; a dead session is refreshed once and the call repeated.
    Task<ApiResponse> async_call(ApiRequest request, Deadline by);
    Result<ApiResponse> call(ApiRequest request);
    /// The first page of a SOQL query; errors of Salesforce become an Error with who must act.
    Task<QueryPage> async_query(ConnectionId id, std::string soql, Deadline by);
    Result<QueryPage> query(ConnectionId id, std::string soql);
    Task<QueryPage> async_query_more(ConnectionId id, std::string next, Deadline by);
    Result<QueryPage> query_more(ConnectionId id, std::string next);

    // What operators ask.
    /// How the house stands. What is wrong is in the answer, which takes 2 s at most where the store
    /// does not answer.
    Task<Status> async_status(Deadline by);
    Result<Status> status();
    /// What has happened to connections after event number `after`, in order, at most `limit` (1 to
    /// 500). Kept for 14 days. errors  bad_input invalid_limit, invalid_after
    Task<EventList> async_events(std::int64_t after, std::size_t limit, Deadline by);
    Result<EventList> events(std::int64_t after = 0, std::size_t limit = 100);

    /// Stops all use of a provider's connections, or of all, on every node within 5 s; with `revokes`
    /// they are revoked at Salesforce too, in the background and across restarts. `since` and `swept`
    /// are not read. errors  bad_input invalid_reason · not_found unknown_provider
    Task<KillSwitch> async_turn_on_kill_switch(KillSwitch wish, Deadline by);
    Result<KillSwitch> turn_on_kill_switch(KillSwitch wish);
    /// What was revoked stays so. returns  the switch as it was
    /// errors  not_found kill_switch_not_found
    Task<KillSwitch> async_turn_off_kill_switch(ProviderId provider, Deadline by);
    Result<KillSwitch> turn_off_kill_switch(ProviderId provider);
    /// Those that are on.
    Task<std::vector<KillSwitch>> async_kill_switches(Deadline by);
    Result<std::vector<KillSwitch>> kill_switches();

    // The keys that tokens are sealed with at rest.
    /// Reads every grant, to count.
    Task<SealingKeys> async_sealing_keys(Deadline by);
    Result<SealingKeys> sealing_keys();
    /// Adds a new key. Once every node reads it, it is put in use, and what older keys have sealed
    /// is sealed anew, in the background and across restarts.
    /// errors  conflict key_change_under_way
    Task<SealingKey> async_change_sealing_key(Deadline by);
    Result<SealingKey> change_sealing_key();

    // API keys of the server's callers.
    /// errors  bad_input invalid_label, invalid_rule, invalid_key_limit
    Task<NewApiKey> async_create_api_key(ApiKeyWish wish, Deadline by);
    Result<NewApiKey> create_api_key(ApiKeyWish wish);
    Task<std::vector<ApiKey>> async_api_keys(Deadline by);
    Result<std::vector<ApiKey>> api_keys();
    Task<ApiKey> async_revoke_api_key(ApiKeyId id, Deadline by);
    Result<ApiKey> revoke_api_key(ApiKeyId id);
    /// errors  denied invalid_api_key, key_rules_unreadable
    Task<Caller> async_check_api_key(Secret presented, Deadline by);

    struct Impl;  // not for use

private:
    friend class RelayDesk;
    friend class Rest;
    explicit Latchkey(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey
