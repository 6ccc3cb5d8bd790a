#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/provider.h>
#include <latchkey/rotation.h>
#include <latchkey/secret.h>

#include "base/clock.h"
#include "endpoint/token_endpoint.h"
#include "salesforce/hosts.h"

namespace latchkey {

/// A grant that was made to be spent.
struct ProbeGrant {
    Secret token;  ///< the newest refresh token
    std::string org_id;
    std::string user_id;
    GrantFate fate = GrantFate::lives;
    ProbeGrant() = default;
};

/// What the measuring works with. All references must outlive it.
struct ProbeParts {
    TokenEndpoint& endpoint;
    Clock& clock;
    Provider provider;
    salesforce::LoginBase login;
    std::chrono::seconds grace;
    bool count_approvals;
    /// Lets the person log in for the `number`th time.
    std::function<Task<ProbeGrant>(int number)> log_in;
    std::function<Result<bool>(const std::string& org_id, const std::string& user_id)> is_connected;
    std::function<void(const std::string& text)> tell;
};

/// Measures what an org does with refresh tokens. The one place in latchkey that presents a spent
/// one on purpose, and therefore only of grants that it has made itself.
class RotationMeasuring {
public:
    explicit RotationMeasuring(ProbeParts parts);

    /// All of it, in an order that needs the fewest logins; then revokes what is left, also after an
    /// error. errors  those of probe_rotation
    Task<RotationReport> run();

private:
    using Held = std::shared_ptr<ProbeGrant>;

    struct Presented {
        TokenTrial trial;
        RefreshVerdict verdict;
        Presented() = default;
    };

    Task<void> measure();
    Task<Held> new_grant();
    Task<Held> living(Held beside);
    Task<void> first_refresh(Held grant);
    Async<std::optional<bool>> introspected(Secret token);
    Async<void> judge_introspection(Held grant, Secret spent, std::optional<bool> before);
    Async<void> two_at_once(Held grant);
    Task<void> approvals();
    Task<void> present_spent();
    Task<TokenLine> dial();
    Async<Presented> present(Secret token);
    Async<Presented> spend(TokenLine line, Secret token);
    Async<void> look(Held grant);
    void take(ProbeGrant& grant, const RefreshVerdict& verdict);
    Async<void> revoke_all();
    void tell(const std::string& text);
    std::size_t alive() const;

    ProbeParts parts_;
    RotationReport report_;
    std::vector<Held> grants_;  ///< in the order of the logins
    std::optional<Error> introspection_refused_;
};

}  // namespace latchkey
