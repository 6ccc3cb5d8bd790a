#include <utility>

#include "facade/acts.h"
#include "salesforce/query_page.h"

namespace latchkey::acts {

namespace {

constexpr std::size_t most_body_bytes = 1024 * 1024;

struct Answered {
    ApiResponse response;
    bool whole = true;
    Answered() = default;
};

Task<Answered> send(House& house, ApiRequest request, Deadline by) {
    ApiCall call;
    call.connection = std::move(request.connection);
    call.method = std::move(request.method);
    call.target = std::move(request.target);
    call.body = std::move(request.body);
    for (auto& [name, value] : request.headers) call.headers.add(std::move(name), std::move(value));
    auto answer = co_await house.rooms().gateway.send(std::move(call), by);
    if (!answer) co_return answer.error();
    Answered answered;
    answered.whole = answer->response.whole;
    answered.response.status = answer->response.status;
    for (const auto& line : answer->response.headers) {
        answered.response.headers.emplace_back(line.name, line.value);
    }
    answered.response.body = std::move(answer->response.body);
    co_return answered;
}

Task<QueryPage> read_page(House& house, ConnectionId id, std::string target, Deadline by) {
    ApiRequest request;
    request.connection = std::move(id);
    request.target = std::move(target);
    request.headers.emplace_back("Accept", "application/json");
    auto answered = co_await send(house, std::move(request), by);
    if (!answered) co_return answered.error();
    co_return read_query_page(std::move(answered->response), answered->whole);
}

}  // namespace

Task<ApiResponse> call(House& house, ApiRequest request, Deadline by) {
    if (request.body.size() > most_body_bytes) {
        co_return Error{Fault::bad_input, "body_too_large",
                        "The body of a call is at most 1 MiB. Use a bulk API for more."};
    }
    auto answered = co_await send(house, std::move(request), by);
    if (!answered) co_return answered.error();
    if (!answered->whole) {
        co_return Error{Fault::outcome_unknown, "upstream_answer_lost",
                        "Salesforce's answer was cut short. The call may have been done; look "
                        "before repeating it."};
    }
    co_return std::move(answered->response);
}

Task<QueryPage> query(House& house, ConnectionId id, std::string soql, Deadline by) {
    auto target = query_target(soql);
    if (!target) co_return target.error();
    auto page = co_await read_page(house, std::move(id), std::move(*target), by);
    co_return page;
}

Task<QueryPage> query_more(House& house, ConnectionId id, std::string next, Deadline by) {
    auto target = query_more_target(next);
    if (!target) co_return target.error();
    auto page = co_await read_page(house, std::move(id), std::move(*target), by);
    co_return page;
}

}  // namespace latchkey::acts
