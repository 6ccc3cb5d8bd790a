#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>
#include <boost/system/result.hpp>

#include "net/http_server.h"

namespace latchkey::emulator::rest {

/// A refusal as a Salesforce client sees it: one element of the array that is an error's body.
struct ApiError {
    int status = 400;
    std::string code;     ///< errorCode, such as "MALFORMED_QUERY"
    std::string message;  ///< may quote the request; valid UTF-8
    std::vector<std::string> fields = {};

    ApiError() = default;
    ApiError(int s, std::string c, std::string m, std::vector<std::string> f = {})
        : status(s), code(std::move(c)), message(std::move(m)), fields(std::move(f)) {}
};

/// Thrown only by `value()` on a refusal: the caller's bug.
[[noreturn]] void throw_exception_from_error(const ApiError& error,
                                             const boost::source_location& where);

template <class T>
using Outcome = boost::system::result<T, ApiError>;

Reply json_reply(int status, const boost::json::value& body);
/// The JSON array [{"message","errorCode","fields"?}] with the error's status.
Reply error_reply(const ApiError& error);

/// 404 NOT_FOUND.
ApiError no_such_resource();
/// 405 METHOD_NOT_ALLOWED; `allowed` as in "GET, HEAD" becomes the Allow header too.
Reply method_refused(std::string_view method, std::string_view allowed);

}  // namespace latchkey::emulator::rest
