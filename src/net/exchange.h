#pragma once

#include <string>

#include "base/clock.h"
#include "net/http.h"
#include "net/origin.h"
#include "net/stream.h"
#include "net/transport.h"

namespace latchkey {

// One request and its answer on a stream: HTTP/1.1 as a client speaks it. Private to the room.

/// The request as bytes, with Host, Content-Length and, if `close`, "Connection: close".
/// errors  bad_input  invalid_request: method, target or a header line is not HTTP, or a header is
///                    one that the transport writes itself
Result<std::string> print_request(const Origin& to, const HttpRequest& request, bool close);

/// The same up to the blank line, for a body of so many bytes that is written after it.
Result<std::string> print_head(const Origin& to, const HttpRequest& request, std::size_t body_bytes,
                               bool close);

struct Answer {
    HttpResponse response;
    bool reusable = false;  ///< the stream stands right before the next answer
    Answer() = default;
};

/// Writes `request` at the latest at `send_before`, wipes it, and reads one answer. The stream is
/// reset unless the answer came to its end.
///
/// stream, clock, limits  outlive the call
/// head_only              the request was a HEAD, whose answer has no body
/// errors  try_later        not_sent: no byte was handed to the kernel
///         outcome_unknown  answer_lost: no answer's head came by `by`, or it was not HTTP
///                          answer_too_large: its head or body is over a limit
/// source  RFC 9112 sections 6.3 and 8; RFC 9110 section 15.2
Task<Answer> exchange(Stream& stream, Clock& clock, const TransportLimits& limits,
                      std::string request, bool head_only, SteadyTime send_before, Deadline by);

}  // namespace latchkey
