#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "emulator/answers.h"
#include "emulator/endpoints.h"

namespace latchkey::emulator {
namespace {

Reply api_error(int status, std::string_view code, std::string_view message) {
    return json_answer(
        status, boost::json::array{boost::json::object{{"message", message}, {"errorCode", code}}});
}

/// Whether the request came to the host the instance has left.
bool at_old_host(const Visit& visit, const Grant& grant) {
    return !grant.moved_to.empty() && grant.moved_to != visit.origin;
}

}  // namespace

Reply data(World& world, const Visit& visit) {
    const Bearer bearer = bearer_of(visit.request);
    if (bearer.kind == Bearer::Kind::other) {
        return api_error(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE");
    }
    std::optional<Caller> caller;
    if (bearer.kind == Bearer::Kind::token) {
        const Session* session = world.grants.use_session(bearer.token, visit.now);
        const Grant* grant = session == nullptr ? nullptr : world.grants.find(session->grant);
        if (grant == nullptr) {
            return api_error(401, "INVALID_SESSION_ID", "Session expired or invalid");
        }
        const Client* client = world.clients.find(grant->client_id);
        if (client != nullptr && client->maintenance) return maintenance_reply();
        // The edge has no route any more for a host the org has left.
        if (at_old_host(visit, *grant)) return html_reply(420, "");
        if (!grant->has_scope("api") && !grant->has_scope("full")) {
            return api_error(401, "INVALID_SESSION_ID",
                             "This session is not valid for use with the REST API");
        }
        const User* user = world.people.by_id(grant->user_id);
        caller = Caller{world.people.org_id(), grant->user_id,
                        user == nullptr ? std::string{} : user->username,
                        identity_url(session->origin, world, grant->user_id)};
    }
    ServedRequest request = visit.request;
    const std::string& raw = visit.request.path;
    const auto first = std::min(raw.find_first_not_of('/'), raw.size());
    request.path = "/" + raw.substr(first);
    request.target = request.path + (request.query.empty() ? "" : "?" + request.query);
    return world.data.handle(request, caller, visit.now);
}

}  // namespace latchkey::emulator
