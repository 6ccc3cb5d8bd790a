#include "emulator/answers.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "emulator/pages.h"

namespace latchkey::emulator {
namespace {

Reply uncached(int status, std::string_view type, std::string body) {
    Reply reply;
    reply.status = status;
    reply.headers.add("Content-Type", std::string{type});
    reply.headers.add("Cache-Control", "no-cache, no-store");
    reply.headers.add("Pragma", "no-cache");
    reply.headers.add("X-Content-Type-Options", "nosniff");
    reply.body = std::move(body);
    return reply;
}

}  // namespace

Reply json_answer(int status, const boost::json::value& body) {
    return uncached(status, "application/json;charset=UTF-8", boost::json::serialize(body));
}

Reply text_reply(int status, std::string body) {
    return uncached(status, "text/plain;charset=UTF-8", std::move(body));
}

Reply oauth_error(int status, std::string_view error, std::string_view description) {
    return json_answer(status,
                       boost::json::object{{"error", error}, {"error_description", description}});
}

Reply page_error(std::string_view error, std::string_view description) {
    const FormFields fields{{"error", std::string{error}},
                            {"error_description", std::string{description}}};
    return text_reply(400, print_form(fields));
}

Reply html_reply(int status, std::string body) {
    Reply reply = uncached(status, "text/html;charset=UTF-8", std::move(body));
    reply.headers.add("Content-Security-Policy", page_policy());
    reply.headers.add("X-Frame-Options", "DENY");
    reply.headers.add("Referrer-Policy", "no-referrer");
    return reply;
}

Reply redirect(std::string location) {
    Reply reply = uncached(302, "text/html;charset=UTF-8", "");
    reply.headers.add("Location", std::move(location));
    reply.headers.add("Referrer-Policy", "no-referrer");
    return reply;
}

Reply maintenance_reply() {
    return html_reply(503, plain_page("Down for maintenance",
                                      "This organization is not available now. Try later."));
}

std::string with_query(std::string_view uri, const FormFields& fields) {
    std::string out{uri};
    if (!fields.empty()) out += (uri.find('?') == std::string_view::npos ? "?" : "&");
    return out + print_form(fields);
}

std::string with_fragment(std::string_view uri, const FormFields& fields) {
    return std::string{uri} + "#" + print_form(fields);
}

}  // namespace latchkey::emulator
