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

/// The front door's part in relaying /proxy/{connection}/services/...: whose key it is, what the
/// path says, what an error looks like. One object a loop.
class ProxyRelay final : public RelayDesk {
public:
    static constexpr const char* route = "/proxy/{connection}";

    /// Both must outlive this object.
    ProxyRelay(Latchkey& library, Log& log);

    bool relays(std::string_view target) const override;
    RelayVerdict look(const RequestHead& head) override;
    Async<RelayVerdict> decide(const RequestHead& head) override;
    void finished(const RelayPass& pass, int status) override;

    /// Requests ended with that status so far; from any thread. 0: the caller went away.
    std::uint64_t count(int status) const;
    static constexpr int first_status = 100;
    static constexpr int last_status = 599;

protected:
    Reply error_answer(const Error& error, const std::string& request_id) const override;

private:
    struct Call;
    static Result<Call> read(const RequestHead& head);
    RelayVerdict refuse(const Error& error);
    std::string next_request_id();
    void note(const std::string& request_id, int status);

    Log& log_;
    SystemRandom random_;
    std::string id_prefix_;
    std::uint32_t ids_ = 0;
    std::array<std::atomic<std::uint64_t>, last_status + 1> counts_{};
};

}  // namespace latchkey::service
