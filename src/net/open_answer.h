#pragma once

#include <memory>
#include <string>

#include <latchkey/time.h>

#include "base/async.h"
#include "net/http.h"
#include "net/origin.h"

namespace latchkey {

/// An answer whose body is read as it comes, however long it is: memory is that of a piece.
/// Belongs to the loop on which it was opened and is destroyed there; before its end that closes the
/// connection.
class OpenAnswer {
public:
    virtual ~OpenAnswer() = default;
    virtual int status() const = 0;
    virtual const Headers& headers() const = 0;
    /// The next bytes of the body, at most 64 KiB; none: that was all.
    /// by      of this piece alone
    /// errors  try_later answer_cut: the connection ended inside the body, or the time was over.
    ///         What was read so far was the server's; the rest can be had only by asking again
    virtual Task<std::string> read(Deadline by) = 0;
};

/// Sends requests whose bodies, or whose answers, are too large to be copied or held.
class OpenTransport {
public:
    virtual ~OpenTransport() = default;

    /// `request` without its body; `body` is shared and not copied, null for none. Not repeated
    /// unless an idle connection was found closed before any byte was handed over.
    /// by      covers connect, send and the answer's head
    /// errors  those of Transport::send, but for a body that is over a limit
    virtual Task<std::unique_ptr<OpenAnswer>> open(Origin to, HttpRequest request,
                                                   std::shared_ptr<const std::string> body,
                                                   Deadline by) = 0;
};

}  // namespace latchkey
