#include "endpoint/content.h"
#include "endpoint/raw_answer.h"
#include "salesforce/errors.h"

namespace latchkey {
namespace {

using Kind = RefreshVerdict::Kind;

/// A status whose body is the authorization server's own word on the request.
bool speaks_oauth(int status) {
    return status == 400 || status == 401 || status == 403 || status == 429;
}

Error upstream_error(int status) {
    return {
        Fault::outcome_unknown, "upstream_error",
        "The token endpoint answered with status " + std::to_string(status) +
            ", which does not tell what became of the request. Find out before it is repeated."};
}

Error invalid_response(const std::string& why) {
    return {Fault::outcome_unknown, "upstream_invalid_response",
            "The token endpoint's answer cannot be used. " + why +
                " Find out what became of the request before it is repeated."};
}

/// What a 200 says. A body that cannot be unpacked is as unreadable as one that is no JSON.
oauth::ReadAnswer read_body(const RawAnswer& raw) {
    const auto body = decoded(raw.content_encoding, raw.body.reveal());
    if (body) return oauth::read_token_answer(body->reveal(), raw.whole);
    oauth::ReadAnswer unreadable;
    unreadable.what_is_wrong = body.error().message;
    return unreadable;
}

/// What any other answer says about the grant or code that was presented.
salesforce::Problem read_problem(const RawAnswer& raw, bool refreshing) {
    salesforce::Problem problem;
    oauth::OAuthError said;
    if (speaks_oauth(raw.status)) {
        // Of words that were cut nobody knows how they went on, and "invalid_grant" alone would end
        // a grant that is only busy.
        const auto body = decoded(raw.content_encoding, raw.body.reveal());
        if (body && raw.whole) said = oauth::read_oauth_error(body->reveal());
        problem = salesforce::token_problem(raw.status, said.error, said.description, refreshing);
    } else {
        problem.error = upstream_error(raw.status);
    }
    if (problem.error.fault == Fault::try_later) problem.error.retry_after = raw.retry_after;
    return problem;
}

Kind kind_of(salesforce::GrantVerdict verdict) {
    switch (verdict) {
        case salesforce::GrantVerdict::unharmed:
            return Kind::not_consumed;
        case salesforce::GrantVerdict::dead:
            return Kind::dead;
        case salesforce::GrantVerdict::busy:
            return Kind::busy;
        case salesforce::GrantVerdict::unknown:
            break;
    }
    return Kind::unknown;
}

}  // namespace

RefreshVerdict judge_refresh(const RawAnswer& raw) {
    RefreshVerdict verdict;
    if (raw.status != 200) {
        auto problem = read_problem(raw, true);
        verdict.kind = kind_of(problem.verdict);
        verdict.error = std::move(problem.error);
        return verdict;
    }
    auto read = read_body(raw);
    if (read.shape == oauth::AnswerShape::unreadable) {
        verdict.error = invalid_response(read.what_is_wrong);
        return verdict;
    }
    const bool has_access = !read.answer.access_token.empty();
    const bool has_refresh = read.answer.refresh_token.has_value();
    verdict.answer = std::move(read.answer);
    if (read.shape == oauth::AnswerShape::whole && has_access) {
        verdict.kind = Kind::issued;
    } else if (has_refresh) {
        // The successor is here, so the sent token is spent; the rest has to be asked for again.
        verdict.kind = Kind::salvaged;
        verdict.error = Error{Fault::outcome_unknown, "answer_cut",
                              "Only part of the answer came, with the next refresh token in it. It "
                              "is kept, and the connection is checked before it is used."};
    } else {
        verdict.answer = {};
        verdict.error = invalid_response("It has no access token.");
    }
    return verdict;
}

Result<oauth::TokenAnswer> judge_exchange(const RawAnswer& raw) {
    if (raw.status == 200) {
        auto read = read_body(raw);
        if (read.shape != oauth::AnswerShape::whole) {
            return invalid_response(read.what_is_wrong);
        }
        if (read.answer.access_token.empty()) return invalid_response("It has no access token.");
        return std::move(read.answer);
    }
    auto problem = read_problem(raw, false);
    if (problem.error.fault == Fault::outcome_unknown) {
        problem.error.code = "upstream_invalid_response";
    }
    return std::move(problem.error);
}

}  // namespace latchkey
