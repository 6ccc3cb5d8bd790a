#pragma once

#include <memory>
#include <string>

#include "base/async.h"
#include "base/clock.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "model/token_source.h"
#include "net/open_answer.h"

namespace latchkey {

/// Salesforce's answer, its body yet to be read. Lives on one loop.
struct OpenedCall {
    int status = 0;
    Headers headers;  ///< without what `headers_down` takes out
    std::unique_ptr<OpenAnswer> body;
    OpenedCall() = default;
};

/// As Gateway, for bodies and answers that are too large to be copied or held: the same checks, the
/// right token, one repeat with a newer one where the old was refused.
class OpenGateway {
public:
    /// All must outlive this object and the answers it opened.
    OpenGateway(TokenSource& tokens, OpenTransport& transport, Clock& clock, Log& log);

    /// call    its body stays empty
    /// body    of the request; null: none. Shared, so that it can be sent again without a copy
    /// by      until the answer's head is there
    /// errors  those of Gateway::send
    Task<OpenedCall> open(ApiCall call, std::shared_ptr<const std::string> body, Deadline by);

private:
    TokenSource& tokens_;
    OpenTransport& transport_;
    Clock& clock_;
    Log& log_;
};

}  // namespace latchkey
