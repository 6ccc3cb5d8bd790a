#include "emulator/data/answers.h"

#include <stdexcept>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/text.h"

namespace latchkey::emulator::rest {

namespace json = boost::json;

void throw_exception_from_error(const ApiError& error, const boost::source_location&) {
    throw std::logic_error("value() of a refusal: " + error.code);
}

Reply json_reply(int status, const json::value& body) {
    Headers headers{{"Content-Type", "application/json;charset=UTF-8"},
                    {"Cache-Control", "no-cache"}};
    return Reply{status, std::move(headers), json::serialize(body)};
}

Reply error_reply(const ApiError& error) {
    json::object one{{"message", error.message}, {"errorCode", error.code}};
    if (!error.fields.empty()) one["fields"] = json::value_from(error.fields);
    return json_reply(error.status, json::array{std::move(one)});
}

ApiError no_such_resource() {
    return {404, "NOT_FOUND", "The requested resource does not exist"};
}

Reply method_refused(std::string_view method, std::string_view allowed) {
    Reply reply = error_reply({405, "METHOD_NOT_ALLOWED",
                               fmt::format("HTTP Method '{}' not allowed. Allowed are {}",
                                           printable(method, 32), allowed)});
    reply.headers.add("Allow", std::string(allowed));
    return reply;
}

}  // namespace latchkey::emulator::rest
