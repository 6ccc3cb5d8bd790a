#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "refresh/protocol.h"

using namespace latchkey;
using namespace std::chrono_literals;
namespace protocol = latchkey::protocol;
using protocol::Blame;
using protocol::Finding;
using protocol::Recovery;
using protocol::Step;
using Kind = Settlement::Kind;

namespace {

constexpr WallTime now{1763900000s};

GrantRow kept_row() {
    GrantRow row;
    row.key = GrantKey{ConnectionId{"cn_ada"}, Epoch{1}};
    row.role = Role::current;
    row.grant_generation = GrantGeneration{3};
    row.generation = Generation{7};
    row.attempt = AttemptId{"first"};
    row.refresh_token = Sealed{"sealed refresh token"};
    row.access_token = Sealed{"sealed access token"};
    return row;
}

GrantRow row_in(State state) {
    auto row = kept_row();
    row.state = state;
    return row;
}

RefreshVerdict verdict(RefreshVerdict::Kind kind, Fault fault = Fault::internal,
                       std::string code = {}) {
    RefreshVerdict made;
    made.kind = kind;
    made.error = Error{fault, std::move(code), "What happened. What to do."};
    return made;
}

RefreshVerdict tokens(RefreshVerdict::Kind kind, std::optional<std::string> refresh_token) {
    auto made = verdict(kind, Fault::outcome_unknown, "answer_cut");
    made.answer.access_token = Secret{"new access token"};
    if (refresh_token) made.answer.refresh_token = Secret{*refresh_token};
    return made;
}

const Secret sent{"old refresh token"};

protocol::Doubt old_and_refused() {
    protocol::Doubt doubt;
    doubt.age = 600s;
    doubt.access_refused = true;
    return doubt;
}

const Result<bool> refused_to_answer{
    Error{Fault::misconfigured, "introspection_refused", "This client may not ask. Allow it."}};
const Result<bool> no_answer{Error{Fault::try_later, "upstream_unreachable", "No answer. Wait."}};

}  // namespace

TEST_CASE("each state answers a token that is good enough, and one that was refused") {
    struct Line {
        State state;
        Step good, refused;
        const char* code;
    };
    const std::vector<Line> table{
        {State::active, Step::serve, Step::refresh, ""},
        {State::in_flight, Step::serve, Step::wait, "refresh_in_progress"},
        {State::uncertain, Step::serve, Step::wait, "rotation_uncertain"},
        {State::reauth_required, Step::refuse, Step::refuse, "reauth_required"},
        {State::revoking, Step::refuse, Step::refuse, "connection_revoked"},
        {State::revoked, Step::refuse, Step::refuse, "connection_revoked"},
    };
    for (const auto& line : table) {
        CAPTURE(name(line.state));
        const auto row = row_in(line.state);
        CHECK(protocol::decide(row, TokenDemand{}, false, now).step == line.good);
        const auto refused = protocol::decide(row, TokenDemand::newer(Generation{7}), false, now);
        CHECK(refused.step == line.refused);
        CHECK(refused.error.code == line.code);
    }
}

TEST_CASE("J4: a refusal of an older access token is answered with the present one") {
    CHECK(protocol::decide(kept_row(), TokenDemand::newer(Generation{6}), false, now).step ==
          Step::serve);
}

TEST_CASE("a quarantine wins over every state") {
    for (const auto state : {State::active, State::in_flight, State::uncertain,
                             State::reauth_required, State::revoking, State::revoked}) {
        auto row = row_in(state);
        row.quarantine = "host_rejected";
        const auto decision = protocol::decide(row, TokenDemand{}, false, now);
        CHECK(decision.step == Step::refuse);
        CHECK(decision.error.fault == Fault::conflict);
        CHECK(decision.error.code == "quarantined");
    }
}

TEST_CASE("a known expiry is weighed against the time a caller needs") {
    auto row = kept_row();
    row.access_expires_at = now + 90s;
    CHECK(protocol::decide(row, TokenDemand{60s}, false, now).step == Step::serve);
    CHECK(protocol::decide(row, TokenDemand{91s}, false, now).step == Step::refresh);
    CHECK(protocol::still_serves(row, TokenDemand{91s}, now));
    CHECK_FALSE(protocol::still_serves(row, TokenDemand{60s}, now + 90s));

    row.state = State::uncertain;  // nothing better can be had now
    CHECK(protocol::decide(row, TokenDemand{91s}, false, now).step == Step::serve);
    CHECK(protocol::decide(row, TokenDemand{91s}, false, now + 90s).step == Step::wait);
}

TEST_CASE("without a refresh token the access token serves to its end, then the user must act") {
    auto row = kept_row();
    row.refresh_token.reset();
    row.access_expires_at = now + 30s;
    CHECK(protocol::decide(row, TokenDemand{60s}, false, now).step == Step::serve);
    const auto refused = protocol::decide(row, TokenDemand::newer(Generation{7}), false, now);
    CHECK(refused.step == Step::give_up);
    CHECK(refused.error.fault == Fault::reauthorize);
}

TEST_CASE("a row confirmed on another history is asked about before its refresh token is used") {
    CHECK(protocol::decide(kept_row(), TokenDemand{}, true, now).step == Step::serve);
    CHECK(protocol::decide(kept_row(), TokenDemand::newer(Generation{7}), true, now).step ==
          Step::confirm);
}

TEST_CASE("a refused generation from the future counts as the latest") {
    const auto demand = protocol::clamped(TokenDemand::newer(Generation{99}), kept_row());
    CHECK(demand.newer_than == Generation{7});
    const auto older = protocol::clamped(TokenDemand::newer(Generation{2}), kept_row());
    CHECK(older.newer_than == Generation{2});
}

TEST_CASE("every row of the table of answers has its settlement") {
    struct Line {
        const char* what;
        RefreshVerdict verdict;
        Kind kind;
        bool keeps, confirmed;
        const char* reason;
        Blame blame;
        const char* told;
    };
    using V = RefreshVerdict::Kind;
    const std::vector<Line> table{
        {"whole 200 with a new refresh token", tokens(V::issued, "new refresh token"),
         Kind::rotated, true, true, "", Blame::nobody, ""},
        {"B4: whole 200 without one", tokens(V::issued, std::nullopt), Kind::access_only, true,
         true, "", Blame::nobody, ""},
        {"B5: whole 200 with the one sent", tokens(V::issued, "old refresh token"),
         Kind::access_only, true, true, "", Blame::nobody, ""},
        {"B8: cut 200 whose refresh token is complete", tokens(V::salvaged, "new refresh token"),
         Kind::rotated, true, false, "answer_cut", Blame::nobody, "rotation_uncertain"},
        {"B12: already being processed", verdict(V::busy, Fault::try_later, "already_processing"),
         Kind::unknown, false, true, "already_processing", Blame::nobody, "rotation_uncertain"},
        {"B13: our client id or secret",
         verdict(V::not_consumed, Fault::misconfigured, "invalid_client"), Kind::not_consumed,
         false, true, "invalid_client", Blame::provider, "invalid_client"},
        {"our client may not use this grant",
         verdict(V::not_consumed, Fault::misconfigured, "unauthorized_client"), Kind::not_consumed,
         false, true, "unauthorized_client", Blame::provider, "unauthorized_client"},
        {"a locked org", verdict(V::not_consumed, Fault::misconfigured, "inactive_org"),
         Kind::not_consumed, false, true, "inactive_org", Blame::org, "inactive_org"},
        {"J35: an address", verdict(V::not_consumed, Fault::misconfigured, "ip_restricted"),
         Kind::not_consumed, false, true, "ip_restricted", Blame::connection, "ip_restricted"},
        {"B14: a limit", verdict(V::not_consumed, Fault::try_later, "rate_limited"),
         Kind::not_consumed, false, true, "rate_limited", Blame::connection, "rate_limited"},
        {"B11: the grant is over", verdict(V::dead, Fault::reauthorize, "token_expired"),
         Kind::dead, false, true, "token_expired", Blame::nobody, "reauth_required"},
        {"B15: a 5xx", verdict(V::unknown, Fault::outcome_unknown, "upstream_status"),
         Kind::unknown, false, true, "upstream_status", Blame::nobody, "rotation_uncertain"},
    };
    for (const auto& line : table) {
        CAPTURE(line.what);
        const auto plan = protocol::plan_for(line.verdict, sent, false);
        CHECK(plan.kind == line.kind);
        CHECK(plan.keeps_tokens == line.keeps);
        CHECK(plan.confirmed == line.confirmed);
        CHECK(plan.reason == line.reason);
        CHECK(plan.blame == line.blame);
        CHECK(plan.error.code == line.told);
    }
}

TEST_CASE("a request that never left spends nothing; one that may have left is in doubt") {
    const auto stayed = protocol::plan_for(Error{Fault::try_later, "not_sent", "m"}, false);
    CHECK(stayed.kind == Kind::not_consumed);
    CHECK(stayed.blame == Blame::connection);
    CHECK(stayed.error.code == "upstream_unavailable");

    const auto left = protocol::plan_for(Error{Fault::outcome_unknown, "answer_lost", "m"}, false);
    CHECK(left.kind == Kind::unknown);
    CHECK(left.reason == "answer_lost");
    CHECK(left.error.code == "rotation_uncertain");
}

TEST_CASE("a second use that spent nothing does not vouch for the first one") {
    const auto limited =
        verdict(RefreshVerdict::Kind::not_consumed, Fault::try_later, "rate_limited");
    const auto refused = protocol::plan_for(limited, sent, true);
    CHECK(refused.kind == Kind::unknown);
    CHECK(refused.reason == "rate_limited");  // it may be tried again: nobody has used it twice
    const auto lost = protocol::plan_for(Error{Fault::outcome_unknown, "answer_lost", "m"}, true);
    CHECK(lost.kind == Kind::unknown);
    CHECK(lost.reason == protocol::second_use);
    const auto unsent = protocol::plan_for(Error{Fault::try_later, "not_sent", "m"}, true);
    CHECK(unsent.kind == Kind::unknown);
    CHECK(unsent.reason == "not_sent");
}

TEST_CASE("introspection's word ends the doubt") {
    const auto row = row_in(State::uncertain);
    const auto alive = protocol::conclude(true, row, {}, {});
    CHECK(alive.finding == Finding::works);
    const auto dead = protocol::conclude(false, row, {}, {});
    CHECK(dead.finding == Finding::spent);
    CHECK(dead.reason == protocol::answer_lost);
    CHECK(protocol::conclude(no_answer, row, old_and_refused(), {}).finding == Finding::stay);
}

TEST_CASE(
    "where nobody may ask, the last access token serves until it is refused and time passed") {
    const auto row = row_in(State::uncertain);
    auto doubt = old_and_refused();
    CHECK(protocol::conclude(refused_to_answer, row, doubt, {}).finding == Finding::use_again);

    doubt.access_refused = false;
    CHECK(protocol::conclude(refused_to_answer, row, doubt, {}).finding == Finding::stay);
    doubt = old_and_refused();
    doubt.age = 600s - 1ms;
    CHECK(protocol::conclude(refused_to_answer, row, doubt, {}).finding == Finding::stay);
}

TEST_CASE("no second use beside another live connection, nor a third use, nor against the policy") {
    auto row = row_in(State::uncertain);
    auto doubt = old_and_refused();
    doubt.others_live = true;
    CHECK(protocol::conclude(refused_to_answer, row, doubt, {}).finding == Finding::spent);

    row.reason = protocol::second_use;
    CHECK(protocol::conclude(refused_to_answer, row, old_and_refused(), {}).finding ==
          Finding::spent);

    protocol::Doubt strict;
    strict.policy = UncertainPolicy::reauth;
    const auto at_once =
        protocol::conclude(refused_to_answer, row_in(State::uncertain), strict, {});
    CHECK(at_once.finding == Finding::spent);
    CHECK(at_once.reason == protocol::answer_lost);
}

TEST_CASE("an interrupted second use stays recorded as one") {
    auto row = row_in(State::in_flight);
    row.reason = "rate_limited";
    CHECK(protocol::interrupted_reason(row) == "interrupted");
    row.reason = protocol::second_use;
    CHECK(protocol::interrupted_reason(row) == protocol::second_use);
}

TEST_CASE("a journal record is applied exactly where the row lacks it") {
    using V = RefreshVerdict::Kind;
    const auto row = row_in(State::uncertain);
    const std::optional<Secret> kept{Secret{"old refresh token"}};
    JournalRecord record;
    record.key = row.key;
    record.grant_generation = row.grant_generation;
    record.generation = row.generation;
    record.attempt = row.attempt;
    const auto rotated = tokens(V::issued, "new refresh token");
    CHECK(protocol::recovery_of(record, row, rotated, kept) == Recovery::apply);
    CHECK(protocol::recovery_of(record, row, tokens(V::salvaged, "new refresh token"), kept) ==
          Recovery::apply);
    CHECK(protocol::recovery_of(record, row, tokens(V::issued, std::nullopt), kept) ==
          Recovery::apply);
    CHECK(protocol::recovery_of(record, row, verdict(V::dead), kept) == Recovery::give_up);
    CHECK(protocol::recovery_of(record, row, verdict(V::unknown), kept) == Recovery::close);

    auto advanced = row;
    advanced.grant_generation = row.grant_generation.next();
    CHECK(protocol::recovery_of(record, advanced, rotated, kept) == Recovery::close);

    auto renewed = row;
    renewed.generation = row.generation.next();
    CHECK(protocol::recovery_of(record, renewed, tokens(V::issued, "old refresh token"), kept) ==
          Recovery::close);
    CHECK(protocol::recovery_of(record, renewed, rotated, kept) == Recovery::apply);

    auto other_attempt = row;
    other_attempt.attempt = AttemptId{"second"};
    CHECK(protocol::recovery_of(record, other_attempt, verdict(V::dead), kept) == Recovery::close);

    auto earlier = record;
    earlier.timeline = Timeline{"1"};
    auto later_consent = row;
    later_consent.timeline = Timeline{"2"};
    CHECK(protocol::recovery_of(earlier, later_consent, rotated, kept) == Recovery::close);
    later_consent.timeline = Timeline{"1"};
    CHECK(protocol::recovery_of(earlier, later_consent, rotated, kept) == Recovery::apply);

    auto exchange = record;
    exchange.flow = FlowId{"cs_flow"};
    CHECK(protocol::recovery_of(exchange, row, rotated, kept) == Recovery::skip);
}
