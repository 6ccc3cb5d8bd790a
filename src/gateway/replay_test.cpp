#include "gateway/replay.h"

#include <doctest/doctest.h>

namespace {

using namespace latchkey;

TEST_CASE("H11: only a whole refusal for the session asks for a newer token") {
    HttpResponse refusal{401,
                         {{"Content-Type", "application/json"}},
                         R"([{"message":"Session expired","errorCode":"INVALID_SESSION_ID"}])"};
    CHECK(wants_newer_token(refusal));
    refusal.whole = false;
    CHECK_FALSE(wants_newer_token(refusal));
    CHECK_FALSE(wants_newer_token(HttpResponse{503, {}, ""}));
    CHECK_FALSE(wants_newer_token(HttpResponse{200, {}, "INVALID_SESSION_ID"}));
}

TEST_CASE("H12: only a used-up budget keeps Salesforce's refusal as the answer") {
    CHECK(keeps_first_answer(Error{Fault::try_later, "rate_limited", "m"}));
    CHECK_FALSE(keeps_first_answer(Error{Fault::try_later, "refresh_in_progress", "m"}));
    CHECK_FALSE(keeps_first_answer(Error{Fault::reauthorize, "reauth_required", "m"}));
}

TEST_CASE("a pause that the transport heard of reaches the caller") {
    Error busy{Fault::try_later, "not_sent", "m"};
    busy.retry_after = std::chrono::seconds{7};
    CHECK(call_failed(busy).retry_after == std::chrono::seconds{7});
}

}  // namespace
