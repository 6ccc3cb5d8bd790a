#include "rest/bulk_calls.h"

#include <utility>

#include "salesforce/errors.h"
#include "salesforce/rest_names.h"

namespace latchkey::rest {
namespace {

using namespace salesforce;

constexpr std::chrono::seconds patience_for_a_piece{60};
constexpr std::size_t most_refusal_bytes = 64 * 1024;

ApiRequest request_of(Place& place, std::string method, std::string target, std::string json) {
    ApiRequest request;
    request.connection = std::move(place.connection);
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(json);
    if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.headers.emplace_back("Accept", "application/json");
    return request;
}

Task<BulkJob> ask(Place place, std::string method, std::string target, std::string json,
                  Deadline by) {
    auto request = request_of(place, std::move(method), std::move(target), std::move(json));
    auto answer = co_await place.port->call(std::move(request), by);
    if (!answer) co_return answer.error();
    co_return read_job(*answer);
}

/// What the answer to a call that was refused says.
Task<bool> check_status(OpenedAnswer& answer, Deadline by) {
    if (answer.head.status >= 200 && answer.head.status < 300) co_return true;
    std::string body;
    while (body.size() < most_refusal_bytes) {
        auto piece = co_await answer.body->read(by);
        // What has come is enough to tell; a cut answer to a refused call changes nothing.
        if (!piece || piece->empty()) break;
        body += *piece;
    }
    co_return rest_problem(answer.head.status, answer.head.header("Content-Type").value_or(""),
                           body);
}

}  // namespace

Task<BulkJob> create_job(Place place, JobKind kind, std::string json, Deadline by) {
    auto job = co_await ask(std::move(place), "POST", jobs_path(kind), std::move(json), by);
    co_return job;
}

Task<BulkJob> look_at_job(Place place, JobKind kind, std::string id, Deadline by) {
    if (auto fits = check_id(id); !fits) co_return fits.error();
    auto job = co_await ask(std::move(place), "GET", job_path(kind, id), "", by);
    co_return job;
}

Task<BulkJob> set_job_state(Place place, JobKind kind, std::string id, BulkState state,
                            Deadline by) {
    if (auto fits = check_id(id); !fits) co_return fits.error();
    auto job = co_await ask(std::move(place), "PATCH", job_path(kind, id), state_json(state), by);
    co_return job;
}

Task<bool> delete_job(Place place, JobKind kind, std::string id, Deadline by) {
    if (auto fits = check_id(id); !fits) co_return fits.error();
    auto request = request_of(place, "DELETE", job_path(kind, id), "");
    auto answer = co_await place.port->call(std::move(request), by);
    if (!answer) co_return answer.error();
    if (answer->status >= 200 && answer->status < 300) co_return true;
    co_return rest_problem(answer->status, answer->header("Content-Type").value_or(""),
                           answer->body);
}

Task<bool> upload(Place place, std::string id, std::shared_ptr<const std::string> csv,
                  Deadline by) {
    auto request = request_of(place, "PUT", job_path(JobKind::ingest, id, "batches"), "");
    request.headers.emplace_back("Content-Type", "text/csv; charset=UTF-8");
    auto answer = co_await place.port->open(std::move(request), std::move(csv), by);
    if (!answer) co_return answer.error();
    auto taken = co_await check_status(*answer, by);
    if (!taken) co_return taken.error();
    // To its end, so that the connection can be used again; the status has said all.
    auto rest = co_await answer->body->read(by);
    while (rest && !rest->empty()) rest = co_await answer->body->read(by);
    co_return true;
}

Task<OpenedAnswer> open_csv(Place place, std::string target, Deadline by) {
    ApiRequest request;
    request.connection = std::move(place.connection);
    request.target = std::move(target);
    request.headers.emplace_back("Accept", "text/csv");
    auto answer = co_await place.port->open(std::move(request), nullptr, by);
    if (!answer) co_return answer.error();
    auto taken = co_await check_status(*answer, by);
    if (!taken) co_return taken.error();
    co_return std::move(*answer);
}

Task<std::string> read_piece(AnswerBody& body, Deadline by) {
    const Deadline soon = by.sooner(Deadline::in(patience_for_a_piece).at);
    auto piece = co_await body.read(soon);
    if (piece) co_return std::move(*piece);
    co_return Error{Fault::try_later, "upstream_answer_lost",
                    "Salesforce's answer ended in the middle. Reading is safe to repeat."};
}

Error unreadable_csv(const Error& found) {
    return {Fault::try_later, "upstream_invalid_response",
            "Salesforce's results cannot be read. " + found.message + " Try again."};
}

}  // namespace latchkey::rest
