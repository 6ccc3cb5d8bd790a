#include "gateway/replay.h"

#include "base/text.h"
#include "salesforce/errors.h"

namespace latchkey {

Result<Origin> instance_of(const AccessToken& token) {
    auto origin = Origin::parse(token.instance_url);
    if (origin && (origin->tls || origin->loopback())) return *origin;
    return Error{
        Fault::denied, "host_rejected",
        "The connection's instance URL is not an address for API calls, so nothing was sent "
        "there. Have an operator look at the connection.",
        printable(token.instance_url)};
}

bool wants_newer_token(const HttpResponse& answer) {
    if (!answer.whole) return false;
    const auto type = answer.headers.find("Content-Type").value_or("");
    return means_dead_session(answer.status, type, answer.body);
}

bool may_mean_dead_session(int status) {
    return status == 401 || status == 403;
}

bool means_dead_session(int status, std::string_view content_type, std::string_view body) {
    return salesforce::session_verdict(status, content_type, body) ==
           salesforce::SessionVerdict::dead;
}

bool keeps_first_answer(const Error& no_newer_token) {
    return no_newer_token.code == "rate_limited";
}

Error call_failed(const Error& transport) {
    Error error;
    if (transport.code == "upstream_busy" || transport.code == "too_many_bodies") return transport;
    if (transport.code == "answer_late") {
        return {Fault::outcome_unknown, "upstream_timeout",
                "The call was sent, but Salesforce did not answer in time. Look whether it was "
                "done before sending it again."};
    }
    switch (transport.fault) {
        case Fault::try_later:
            error = {Fault::try_later, "upstream_unreachable",
                     "Salesforce could not be reached, and nothing was sent. Send the call again "
                     "later."};
            break;
        case Fault::outcome_unknown:
            error = {
                Fault::outcome_unknown, "upstream_answer_lost",
                "The call was sent, but its answer was lost or cannot be used. Look whether it "
                "was done before sending it again."};
            break;
        case Fault::bad_input:
            error = {Fault::bad_input, "invalid_header",
                     "The call cannot be written as an HTTP request. Check its headers."};
            break;
        default:
            return transport;
    }
    error.remote_text = transport.remote_text;
    error.retry_after = transport.retry_after;
    return error;
}

Error answer_cut() {
    return {
        Fault::outcome_unknown, "upstream_answer_lost",
        "The call was sent, but its answer ended in the middle. Look whether it was done before "
        "sending it again."};
}

}  // namespace latchkey
