#pragma once

#include <latchkey/api.h>
#include <latchkey/task.h>
#include <latchkey/time.h>

namespace latchkey {

/// Sends one call of a connection. The facade puts the gateway behind it; tests something smaller.
class ApiPort {
public:
    virtual ~ApiPort() = default;

    /// returns  Salesforce's whole answer, whatever its status
    /// errors   those of Gateway::send · outcome_unknown upstream_answer_lost
    virtual Task<ApiResponse> call(ApiRequest request, Deadline by) = 0;
};

}  // namespace latchkey
