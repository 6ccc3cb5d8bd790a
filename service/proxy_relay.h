#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/random.h"
#include "facade/relay_desk.h"

namespace latchkey::service {

/// The front door's part in relaying: /proxy/{connection}/services/... with an API key, and
/// /services/... at the root with a gateway session, whose errors have Salesforce's form, because
/// Salesforce's SDKs read them. Whose key it is, what the path says, what an error looks like. It also
/// answers GET /v1/connections/{id}/token[?valid_for=S], which needs the same from it: a key, and a
/// good token that this loop remembers. One object a loop.
class ProxyRelay final : public RelayDesk {
public:
    static constexpr const char* route = "/proxy/{connection}";
    static constexpr const char* root_route = "/services";
    static constexpr const char* token_route = "/v1/connections/{id}/token";
    static constexpr std::array routes{route, root_route, token_route};

    /// Both must outlive this object.
    ProxyRelay(Latchkey& library, Log& log);

    bool relays(std::string_view target) const override;
    RelayVerdict look(const RequestHead& head) override;
    Async<RelayVerdict> decide(const RequestHead& head) override;
    void finished(const RelayPass& pass, int status) override;

    /// Requests of one of `routes` ended with that status so far; from any thread. 0: the caller went
    /// away.
    std::uint64_t count(std::string_view of, int status) const;
    static constexpr int first_status = 100;
    static constexpr int last_status = 599;

protected:
    Reply error_answer(const Error& error, const std::string& request_id,
                       RelayForm form) const override;

private:
    struct Call;
    static Result<Call> read(const RequestHead& head);
    static Result<Call> read_proxy(const RequestHead& head);
    static Result<Call> read_root(const RequestHead& head);
    RelayVerdict refuse(const Error& error, RelayForm form);

    // Tokens handed out.
    static Result<std::string_view> key_of(const RequestHead& head);
    RelayVerdict look_for_token(const RequestHead& head);
    Async<RelayVerdict> decide_on_token(const RequestHead& head);
    RelayVerdict vend(VendedToken& vended);
    RelayVerdict refuse_token(const Error& error);
    RelayVerdict pass(const Call& call, Target target, Admission admission);
    std::string next_request_id();
    void note(const std::string& request_id, int status, const char* of);

    using Counts = std::array<std::atomic<std::uint64_t>, last_status + 1>;
    Counts& counts_of(std::string_view of);

    Log& log_;
    SystemRandom random_;
    std::string id_prefix_;
    std::uint32_t ids_ = 0;
    std::array<Counts, routes.size()> counts_{};
};

}  // namespace latchkey::service
