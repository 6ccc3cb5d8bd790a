#include "service/replies.h"

#include <doctest/doctest.h>

using namespace latchkey;
using namespace latchkey::service;

TEST_CASE("A20: whoever has enough for now is told so, with when to come again, in both forms") {
    for (const char* code :
         {"rate_limited", "too_many_calls", "too_many_flows", "too_many_connect_sessions",
          "too_many_sessions", "daily_limit_reserved"}) {
        CAPTURE(code);
        Error error{Fault::try_later, code, "Enough for now. Come again."};
        CHECK(status_of(error) == 429);
        error.retry_after = std::chrono::seconds{7};
        for (const auto& reply : {error_reply(error, "req_1"), sdk_error_reply(error)}) {
            CHECK(reply.status == 429);
            CHECK(reply.headers.find("Retry-After") == "7");
        }
    }
    Error refused{Fault::denied, "denied_by_rule", "The rules do not allow it."};
    CHECK(status_of(refused) == 403);
    CHECK(sdk_error_reply(refused).body.find("\"DENIED_BY_RULE\"") != std::string::npos);
}
