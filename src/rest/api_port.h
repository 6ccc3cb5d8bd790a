#pragma once

#include <memory>
#include <string>

#include <latchkey/api.h>
#include <latchkey/task.h>
#include <latchkey/time.h>

namespace latchkey {

/// The body of an answer, read as it comes. Belongs to one loop and is destroyed there; before its
/// end that closes the connection.
class AnswerBody {
public:
    virtual ~AnswerBody() = default;
    /// The next bytes, at most 64 KiB; none: that was all. `by` is of this piece alone.
    /// errors  try_later answer_cut
    virtual Task<std::string> read(Deadline by) = 0;
};

struct OpenedAnswer {
    ApiResponse head;  ///< its body is empty
    std::unique_ptr<AnswerBody> body;
    OpenedAnswer() = default;
};

/// Sends the calls of a connection. The facade puts the gateway behind it, or a latchkey server;
/// tests something smaller.
class ApiPort {
public:
    virtual ~ApiPort() = default;

    /// returns  Salesforce's whole answer, whatever its status
    /// errors   those of Gateway::send · outcome_unknown upstream_answer_lost
    virtual Task<ApiResponse> call(ApiRequest request, Deadline by) = 0;

    /// For bodies and answers too large to be copied or held.
    /// request  its body stays empty
    /// body     null: none
    /// by       until the head of the answer is there
    /// errors   those of `call`
    virtual Task<OpenedAnswer> open(ApiRequest request, std::shared_ptr<const std::string> body,
                                    Deadline by) = 0;
};

}  // namespace latchkey
