#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <latchkey/ids.h>

#include "base/async.h"
#include "base/clock.h"
#include "base/log.h"
#include "gateway/org_budget.h"
#include "model/token_source.h"
#include "net/http.h"
#include "net/transport.h"

namespace latchkey {

/// One API call of a caller, as it came: never a URL, so never another host.
struct ApiCall {
    ConnectionId connection;
    std::string method;
    std::string
        target;        ///< path and query as received, beginning with a slash; bytes are forwarded
    Headers headers;   ///< the caller's, unfiltered
    std::string body;  ///< wholly held, at most 1 MiB: can be sent again
    ApiCall() = default;
};

struct ApiAnswer {
    HttpResponse response;
    bool from_salesforce = true;
    Generation generation;  ///< of the token that the call went out with
};

/// Sends an API call on behalf of a connection: right host, right token, one repeat with a newer
/// token where the old one was refused, none where the call may already have been done.
class Gateway {
public:
    /// All must outlive this object. The transport refuses addresses that are not public, but for
    /// the loopback origins that a provider's configuration allows. What answers say of an org's
    /// daily calls is told to `budgets`; null: to nobody.
    Gateway(TokenSource& tokens, Transport& transport, Clock& clock, Log& log,
            OrgBudgets* budgets = nullptr);

    /// returns  Salesforce's answer, whatever its status; hop-by-hop, cookie and transport-security
    ///          lines removed
    ///          A 401 or 403 passes too where no newer token can be had for it at the moment.
    /// errors   bad_input        path_not_allowed (400), method_not_allowed (405), invalid_header
    ///          denied           path_not_allowed: OAuth and login pages, SOAP (403)
    ///          those of TokenSource::token
    ///          try_later        upstream_unreachable: nothing was sent
    ///          outcome_unknown  upstream_answer_lost: look before repeating
    ///          denied           host_rejected: the instance host is not Salesforce's
    ///          misconfigured    address_not_allowed, tls_failed: nothing was sent
    Task<ApiAnswer> send(ApiCall call, Deadline by);

private:
    void learn(const AccessToken& token, const Result<ApiAnswer>& answer);

    TokenSource& tokens_;
    Transport& transport_;
    Clock& clock_;
    Log& log_;
    OrgBudgets* budgets_;
};

}  // namespace latchkey
