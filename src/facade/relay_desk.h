#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <latchkey/latchkey.h>

#include "base/clock.h"
#include "facade/key_desk.h"
#include "facade/session_desk.h"
#include "net/net_transport.h"
#include "net/relay_policy.h"

namespace latchkey {

class House;

/// An access token that is to be handed out, remembered for its next callers.
struct VendedToken {
    AccessToken token;
    std::string shown;  ///< what the front door answers with, if it has written it down already
};

/// The part of a relay's policy that is the library's: which lines go where, which token is put in,
/// what an answer means. Who asks and what an error looks like is for the front door, which derives
/// from it.
///
/// One object a loop. It remembers tokens and good keys for at most 5 s and only until something
/// happens to them, so that a call needs no other loop; what it does not know it asks the library.
class RelayDesk : public RelayPolicy {
public:
    /// `library` must outlive this object.
    explicit RelayDesk(Latchkey& library);
    ~RelayDesk() override;

    void append_up(const RequestHead& head, std::string& out) const final;
    void append_down(const AnswerHead& head, const RelayPass& pass, std::string& out) const final;
    std::optional<Reply> look_inside(const RequestHead& head, const RelayPass& pass,
                                     std::optional<std::string_view> body) const final;
    bool may_refuse_lines(int status) const final;
    bool refuses_lines(const AnswerHead& head, std::string_view body) const final;
    Async<RelayVerdict> renew(RelayPass refused) final;
    void renew_later(const RelayPass& refused) final;
    Reply failed(const Error& error, const RelayPass& pass) const final;

    /// The settings with which the library itself reaches Salesforce.
    static const NetOptions& net_options(Latchkey& library);
    static Clock& clock(Latchkey& library);
    static std::shared_ptr<House> house_of(Latchkey& library);

protected:
    using Target = std::shared_ptr<const RelayTarget>;

    /// errors  those of check_method and check_target
    static Result<void> check_call(std::string_view method, std::string_view path);
    static bool session_line_for(std::string_view path);

    /// What is remembered; null: ask.
    const Caller* recall_key(std::string_view key);
    /// Of a gateway session's token, for 1 s: one that ended on another node, or while it was asked
    /// for, is refused here within that time, and one that ended here at once.
    const SessionCaller* recall_session(std::string_view token);
    /// With `session_line` one for the Bulk API's first version.
    Target recall_target(std::string_view connection, bool session_line = false);
    /// To be handed out as it is, for a minute at least. The front door may write `shown` once.
    std::shared_ptr<VendedToken> recall_token(std::string_view connection);
    /// errors  denied invalid_api_key · those of the store
    Task<Caller> ask_key(Secret key);
    /// errors  denied invalid_session · those of the store
    Task<SessionCaller> ask_session(Secret token);
    /// errors  those of TokenSource::token · denied host_rejected
    Task<Target> ask_target(ConnectionId connection, TokenDemand demand, bool session_line = false);

    enum class Remembering { no, yes };
    /// errors  those of TokenSource::token
    Task<std::shared_ptr<VendedToken>> ask_token(ConnectionId connection, TokenDemand demand,
                                                 Remembering keeping);

    struct Admission {
        HeldPlace held;           ///< goes into the pass,
        bool shows_body = false;  ///< and so does this
    };
    /// What a key's rules and limits say to a call that `check_call` let pass; it is counted then.
    /// `gate` is not null. errors  those of admit_call
    Result<Admission> admit(const std::shared_ptr<KeyGate>& gate, std::string_view method,
                            std::string_view path) const;

    /// The same for a token that is to be handed out. errors  those of admit_vend
    Result<HeldPlace> admit_token(const std::shared_ptr<KeyGate>& gate) const;

    /// Whether the org that a target belongs to has calls left for this caller. `gate` may be null.
    /// errors  try_later daily_limit_reserved
    Result<void> admit_to_org(const RelayTarget& target, const KeyGate* gate) const;

    /// An error as an answer, in the form that the caller understands.
    virtual Reply error_answer(const Error& error, const std::string& request_id,
                               RelayForm form) const = 0;

private:
    struct Connected;
    struct KnownKey;
    struct KnownSession;
    struct KnownToken;
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    template <class T>
    using Memory = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

    SteadyTime remembered_until(const AccessToken& token, const TokenDemand& demand) const;
    static Async<void> renew_alone(std::shared_ptr<House> house, ConnectionId connection,
                                   Generation refused);
    void log_repeat(const ConnectionId& connection, Generation generation) const;
    House& house() const;

    Latchkey& library_;
    Clock& clock_;
    Memory<std::shared_ptr<const Connected>> targets_;
    Memory<KnownToken> tokens_;
    Memory<KnownKey> keys_;
    SessionDesk session_desk_;
    Memory<KnownSession> sessions_;
};

}  // namespace latchkey
