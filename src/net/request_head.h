#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "net/http_server.h"

namespace latchkey {

/// What a request's head must fulfil before any parser is asked what it means. Beast's parser takes
/// folded lines, lists of lengths and other things on which two programs on one path may disagree;
/// such a request could hide another one in its body. So what is not plain is refused.
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
    bool expects_continue = false;
};

/// Looks at the bytes received of a head that is not complete yet, so that nonsense is answered at
/// once. `from` is where to go on; bytes before it were looked at already.
std::optional<Refusal> check_partial_head(std::string_view received, std::size_t from,
                                          const ServerLimits& limits);

/// Looks at a whole head, which ends with the empty line. Fills in `facts` if nothing is refused.
std::optional<Refusal> check_head(std::string_view head, const ServerLimits& limits,
                                  HeadFacts& facts);

}  // namespace latchkey
