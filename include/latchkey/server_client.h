#pragma once

#include <memory>
#include <string>

#include <latchkey/api.h>
#include <latchkey/error.h>
#include <latchkey/secret.h>

namespace latchkey {

/// A client of a running `latchkey server`, for programs that hold an API key instead of a store.
/// Blocking; one thread at a time. Rest and Bulk (latchkey/rest.h, latchkey/bulk.h) work through it
/// from any thread.
class ServerClient {
public:
    /// `url` is the origin of one of the server's listeners, `api_key` the whole "lk_..." key.
    /// Plain http is taken for loopback hosts only. `ca_file` (PEM) adds to the system's
    /// authorities.
    /// errors  bad_input  invalid_origin, plain_http_not_allowed
    static Result<std::unique_ptr<ServerClient>> open(const std::string& url, Secret api_key,
                                                      const std::string& ca_file = {});
    ~ServerClient();

    /// One request of the HTTP API in docs/reference; `body` is JSON or empty. Waits at most 90 s.
    /// returns  the answer, whatever its status
    /// errors   try_later upstream_unreachable: nothing was sent ·
    ///          outcome_unknown answer_lost · misconfigured tls_failed
    Result<ApiResponse> send(const std::string& method, const std::string& target,
                             const std::string& body = {}, const HeaderLines& headers = {});

    /// What an answer whose status is no success says, as an error with who must act.
    /// errors   those of the server, with its code: bad_input, denied, not_found, conflict,
    ///          reauthorize, try_later, outcome_unknown · misconfigured not_a_latchkey_server
    static Error refusal_of(const ApiResponse& answer);

private:
    friend class Rest;
    struct Impl;
    explicit ServerClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey
