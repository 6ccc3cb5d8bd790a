#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <latchkey/secret.h>

#include "base/async.h"
#include "net/answer_head.h"
#include "net/http_server.h"
#include "net/origin.h"
#include "net/request_head.h"

namespace latchkey {

/// Where requests go and what is put into their heads. One object serves many requests.
struct RelayTarget {
    Origin to;
    Secret lines;  ///< whole header lines, each with CR LF: Host, and what proves who asks
    virtual ~RelayTarget() = default;
};

/// How the policy writes errors to this caller; the relay only keeps it with the request.
enum class RelayForm { ours, callers };

/// A request that is to be passed on.
struct RelayPass {
    std::shared_ptr<const RelayTarget> target;
    std::string_view path;  ///< the end of the request's target, sent as it is; begins with a slash
    std::string request_id;            ///< for the policy alone
    RelayForm form = RelayForm::ours;  ///< likewise
    std::shared_ptr<const void> held;  ///< likewise: let go of when the request has ended
    bool shows_body = false;  ///< `look_inside` sees the request whole before any of it is sent
};

/// Not decided yet: `decide` has to be awaited.
struct RelayUndecided {};
/// The answer that came is the best one there is.
struct RelayKeepAnswer {};

using RelayVerdict = std::variant<RelayUndecided, RelayPass, Reply, RelayKeepAnswer>;

/// Decides what a relay does. It sees heads, the beginning of answers that may mean a refusal, and
/// bodies of the requests that it asks to see. One object belongs to one loop.
class RelayPolicy {
public:
    virtual ~RelayPolicy() = default;

    /// Whether a request is relayed; all others go to the server's handler.
    virtual bool relays(std::string_view target) const = 0;

    /// Decides from what is known on this loop. Never a RelayKeepAnswer.
    virtual RelayVerdict look(const RequestHead& head) = 0;
    /// The same with time to ask. `head` outlives the call. A pass or a Reply.
    virtual Async<RelayVerdict> decide(const RequestHead& head) = 0;

    /// Decides on a request whose pass has `shows_body`. `body` is without framing; nullopt: it is
    /// longer than RelayLimits::shown_body. The answer to give instead of sending it, if there is one.
    virtual std::optional<Reply> look_inside(const RequestHead& head, const RelayPass& pass,
                                             std::optional<std::string_view> body) const = 0;

    /// Appends the lines that go to the target; framing lines are the relay's to write.
    virtual void append_up(const RequestHead& head, std::string& out) const = 0;
    /// Appends the lines that go to the caller, and those that the policy adds.
    virtual void append_down(const AnswerHead& head, const RelayPass& pass,
                             std::string& out) const = 0;

    /// Whether an answer of this status may mean that the target's lines are no longer good.
    virtual bool may_refuse_lines(int status) const = 0;
    /// Whether it does: then the request was not done. `body` is its beginning, up to 4 KiB.
    virtual bool refuses_lines(const AnswerHead& head, std::string_view body) const = 0;
    /// Asks for newer lines after such an answer: a pass to repeat the request with, the answer to
    /// give instead, or to keep the one that came.
    virtual Async<RelayVerdict> renew(RelayPass refused) = 0;
    /// The same where the request cannot be repeated, so that the caller's next one fares better.
    virtual void renew_later(const RelayPass& refused) = 0;

    /// The answer to a request that failed here. Errors are those of the relay:
    /// try_later        upstream_unreachable, not_sent, too_many_bodies
    /// outcome_unknown  answer_lost, answer_late
    /// misconfigured    as Transport::dial
    virtual Reply failed(const Error& error, const RelayPass& pass) const = 0;

    /// Told once for each request. `status` 0: the caller went away before there was one.
    virtual void finished(const RelayPass& pass, int status) = 0;
};

/// Bounds of one relayed request, beside those of the server and of the transport.
struct RelayLimits {
    std::size_t held_body = 64 * 1024;            ///< of a request, so that it can be sent again
    std::size_t shown_body = 1024 * 1024;         ///< of a request that the policy sees whole
    std::size_t shown_bodies = 64 * 1024 * 1024;  ///< of all such requests at the same time
    std::chrono::milliseconds answer{120000};     ///< from the last byte sent to the answer's head
    /// Longest wait for the next bytes of a body, or for them to be taken.
    std::chrono::milliseconds stall{60000};
    /// Bytes a second that a body must come to after the first `stall`.
    std::size_t least_rate = 1024;
    std::size_t answer_head = 60 * 1024;
    std::size_t answer_lines = 200;
    int interim_answers = 8;
    std::size_t connections = 1024;  ///< to one origin
};

}  // namespace latchkey
