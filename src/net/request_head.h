#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "net/head_lines.h"
#include "net/http_server.h"

namespace latchkey {

/// What a request's head must fulfil before anything is done with it. Parsers differ on folded
/// lines, lists of lengths and other things on which two programs on one path may disagree; such a
/// request could hide another one in its body. So what is not plain is refused.
///
/// source  RFC 9112 sections 2.2, 3, 5 and 6.3

/// An answer to give instead of serving the request.
struct Refusal {
    int status;
    const char* why;  ///< ours, safe to show
};

/// What the connection has to know to read on.
struct HeadFacts {
    bool chunked = false;
    std::uint64_t length = 0;  ///< of the body, where it is not chunked
    bool has_length = false;   ///< a Content-Length was there, perhaps 0
    bool expects_continue = false;
    bool http_1_0 = false;
    bool keep_alive = true;  ///< the caller wants to send another request

    bool has_body() const { return chunked || length > 0; }
};

/// A head, read once: views into the bytes it was read from. Kept from request to request, so that
/// its list is allocated once.
struct RequestHead : HeadFacts {
    std::string_view method;
    std::string_view target;  ///< origin-form
    std::vector<HeadLine> lines;
};

/// Looks at the bytes received of a head that is not complete yet, so that nonsense is answered at
/// once. `from` is where to go on; bytes before it were looked at already.
std::optional<Refusal> check_partial_head(std::string_view received, std::size_t from,
                                          const ServerLimits& limits);

/// Reads a whole head, which ends with the empty line. Fills in `head` if nothing is refused. How
/// long a body may be is for whoever reads it.
std::optional<Refusal> scan_request(std::string_view bytes, const ServerLimits& limits,
                                    RequestHead& head);

}  // namespace latchkey
