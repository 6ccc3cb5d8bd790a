#include "emulator/data/resources.h"

#include <array>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "emulator/data/render.h"

namespace latchkey::emulator::rest {
namespace json = boost::json;
namespace {

/// Three releases a year; 31.0 was Summer '14.
std::string season(int version) {
    constexpr std::array<std::string_view, 3> seasons = {"Summer", "Winter", "Spring"};
    const int since = version - oldest_version;
    return fmt::format("{} '{:02}", seasons[static_cast<std::size_t>(since % 3)],
                       14 + (since + 2) / 3);
}

}  // namespace

int version_of(std::string_view segment) {
    if (segment.size() != 5 || segment[0] != 'v' || !segment.ends_with(".0")) return 0;
    if (segment[1] < '0' || segment[1] > '9' || segment[2] < '0' || segment[2] > '9') return 0;
    const int version = (segment[1] - '0') * 10 + (segment[2] - '0');
    return version >= first_retired_version && version <= newest_version ? version : 0;
}

Reply versions_reply() {
    json::array all;
    for (int version = oldest_version; version <= newest_version; ++version) {
        all.push_back({{"label", season(version)},
                       {"url", fmt::format("/services/data/v{}.0", version)},
                       {"version", fmt::format("{}.0", version)}});
    }
    return json_reply(200, all);
}

Reply answer_resources(const Call& call) {
    if (call.method != "GET") return method_refused(call.method, "HEAD,GET");
    json::object all;
    for (const std::string_view one :
         {"chatter", "composite", "jobs", "limits", "query", "queryAll", "sobjects", "tooling"}) {
        all[one] = fmt::format("{}/{}", call.base, one);
    }
    all["identity"] = call.caller.identity_url;
    return json_reply(200, all);
}

Reply answer_limits(const Call& call, const Usage& usage) {
    if (call.method != "GET") return method_refused(call.method, "HEAD,GET");
    const auto limit = [](std::int64_t most, std::int64_t left) {
        return json::object{{"Max", most}, {"Remaining", left}};
    };
    return json_reply(
        200, json::object{{"ConcurrentAsyncGetReportInstances", limit(200, 200)},
                          {"DailyApiRequests", limit(usage.limit, usage.limit - usage.used)},
                          {"DailyAsyncApexExecutions", limit(250000, 250000)},
                          {"DailyBulkApiBatches", limit(15000, 15000)},
                          {"DailyBulkV2QueryJobs", limit(10000, 10000)},
                          {"DailyStreamingApiEvents", limit(10000, 10000)},
                          {"DataStorageMB", limit(5, 5)},
                          {"FileStorageMB", limit(20, 20)},
                          {"HourlyPublishedPlatformEvents", limit(50000, 50000)},
                          {"SingleEmail", limit(15, 15)}});
}

Reply answer_me(const Call& call, Org& org) {
    if (call.method != "GET") return method_refused(call.method, "HEAD,GET");
    const ObjectDef& user = *find_object("User");
    const Table& users = org.table(user);
    const auto row = users.find(call.caller.user_id);
    if (!row) return error_reply(no_such_resource());
    const auto field = [&](std::string_view name) -> json::value {
        const auto* text = std::get_if<std::string>(&users.row(*row).fields[user.at(name)]);
        return text == nullptr ? json::value(nullptr) : json::value(*text);
    };
    const std::string& id = call.caller.user_id;
    return json_reply(200, json::object{{"companyName", field("CompanyName")},
                                        {"email", field("Email")},
                                        {"firstName", field("FirstName")},
                                        {"id", id},
                                        {"isActive", true},
                                        {"isInThisCommunity", true},
                                        {"lastName", field("LastName")},
                                        {"name", field("Name")},
                                        {"title", field("Title")},
                                        {"type", "User"},
                                        {"url", fmt::format("{}/chatter/users/{}", call.base, id)},
                                        {"userType", "Internal"},
                                        {"username", field("Username")}});
}

}  // namespace latchkey::emulator::rest
