#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <latchkey/time.h>

#include "base/async.h"
#include "net/http.h"
#include "net/origin.h"
#include "net/stream.h"

namespace latchkey {

/// Bounds of one exchange with a server. Each phase also ends at the caller's Deadline.
struct TransportLimits {
    std::chrono::milliseconds resolve_and_connect{5000};
    std::chrono::milliseconds tls_handshake{5000};
    std::chrono::milliseconds head{30000};  ///< from the last byte sent to the end of the head
    std::size_t head_bytes = 64 * 1024;     ///< of an answer, status line included
    std::size_t header_lines = 200;
    std::size_t body_bytes = 16 * 1024 * 1024;
    int interim_answers = 8;  ///< 1xx before the answer
};

/// One fresh connection for one request: never reused, never repeated, redirects not followed.
/// Destroying it closes the connection, with a reset if an answer is still missing.
class Line {
public:
    virtual ~Line() = default;

    /// Writes the whole request in one go, at the latest at `send_before`, and reads one answer.
    /// May be called once.
    ///
    /// returns  the answer; `whole` is false if it was cut inside its body
    /// errors   try_later        not_sent: no byte was handed to the kernel (send_before passed)
    ///          outcome_unknown  answer_lost: sent, at least in part, but no answer's head was read
    ///                           by `by`, or it was not HTTP
    ///          outcome_unknown  answer_too_large: its head or body is over a limit
    ///          bad_input        invalid_request: it would break its own head, or brings Host,
    ///                           Expect or framing of its own
    virtual Task<HttpResponse> send_once(HttpRequest request, SteadyTime send_before,
                                         Deadline by) = 0;
};

/// Reaches servers over HTTP/1.1, with TLS 1.2 or newer and verified certificate and host name
/// wherever the origin says https. Holds no cookie and no proxy from the environment.
class Transport {
public:
    virtual ~Transport() = default;

    /// Resolves, checks the address, connects and shakes hands; sends nothing.
    /// errors  try_later      unreachable, refused, timed out (code upstream_unreachable);
    ///         misconfigured  address_not_allowed, plain_http_not_allowed, tls_files,
    ///                        tls_failed (certificate, host name or version)
    virtual Task<std::unique_ptr<Line>> dial(Origin to, Deadline by) = 0;

    /// One request, one answer, on a connection that may be an idle one of a pool.
    /// A request is repeated on a fresh connection only if its idle one was found closed before any
    /// byte was handed over.
    /// errors  those of dial and Line::send_once
    virtual Task<HttpResponse> send(Origin to, HttpRequest request, Deadline by) = 0;
};

}  // namespace latchkey
