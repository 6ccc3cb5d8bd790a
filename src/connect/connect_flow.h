#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/connect.h>
#include <latchkey/connection.h>
#include <latchkey/provider.h>
#include <latchkey/secret.h>

#include "base/async.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/stops.h"
#include "endpoint/token_endpoint.h"
#include "model/providers.h"
#include "model/switch_board.h"
#include "store/journal.h"
#include "store/store.h"
#include "vault/vault.h"

namespace latchkey {

/// Everything connecting works with; all must outlive it.
struct ConnectParts {
    boost::asio::io_context& loop;
    Vault& vault;
    Store& store;
    Journal& journal;  ///< of this node
    TokenEndpoint& endpoint;
    const Providers& providers;
    Clock& clock;
    Random& random;
    Log& log;
    Stops& stops;
    std::function<void(const ConnectionId&)> changed;  ///< told after a connection's grant changed
    const SwitchBoard& switches = SwitchBoard::none();
};

/// Walks a user from "connect" to a kept connection in four steps that may run on four nodes. Every
/// step's state is in the store before its answer leaves.
class ConnectFlow {
public:
    explicit ConnectFlow(ConnectParts parts);
    ~ConnectFlow();

    /// errors  bad_input  invalid_end_user, invalid_return_url, invalid_login_host, invalid_purpose,
    ///                    invalid_login_hint, invalid_prompt, scope_not_supported,
    ///                    provider_required · not_found unknown_provider, connection_not_found (also
    ///                    where it is another end user's or provider's) · try_later too_many_flows,
    ///                    stopped_by_operator
    Task<OpenedFlow> open(ConnectWish wish, Deadline by);

    /// errors  not_found link_unknown · conflict link_used, link_expired
    Task<LinkView> look(Secret link, Deadline by);

    /// Binds the flow to one browser. `chosen_login` counts only where look() showed no login_url.
    /// errors  those of look · bad_input invalid_login_host, login_host_required
    Task<Departure> start(Secret link, std::optional<std::string> chosen_login, Deadline by);

    /// Keeps the code sealed and issues a ticket; redeems nothing. The same callback again, from the
    /// bound browser and before `complete`, gets a fresh ticket and the former dies.
    /// errors  bad_input  missing_parameter, duplicate_parameter, invalid_state, invalid_callback,
    ///                    browser_mismatch, state_expired, state_used, context_mismatch,
    ///                    issuer_mismatch · try_later flow_busy
    Task<Arrival> callback(ProviderId path, std::string query, CookieLookup cookies, Deadline by);

    /// The only step that redeems a code, and it does so once. Once the code is on its way this runs
    /// to its end even if the caller is cancelled, at most about 60 s beyond `by`.
    /// errors  not_found  flow_not_found (unknown, or opened by another key)
    ///         denied     user_mismatch (the flow ends), host_rejected, signature_rejected,
    ///                    token_type_rejected, identity_rejected
    ///         conflict   ticket_invalid, identity_mismatch (reconnect as somebody else),
    ///                    connection_revoked (while the person logged in), superseded,
    ///                    candidate_refused, flow_failed (message names the failure)
    ///         reauthorize the code's own failures · outcome_unknown exchange_unknown: start again
    ///         misconfigured, try_later  as the token endpoint says; completion_under_way: the same
    ///                    call a little later has the result
    Task<Completion> complete(FlowId id, Secret ticket, std::string end_user, ApiKeyId caller,
                              Deadline by);

    /// At the start: flows left EXCHANGING get their journalled answer applied or end as
    /// exchange_unknown.
    Task<void> recover(Deadline by);

    /// Removes expired flows, until `stop`.
    Async<void> run();
    void stop();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace latchkey
