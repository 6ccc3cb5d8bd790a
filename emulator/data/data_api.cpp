#include "emulator/data/data_api.h"

#include <charconv>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/text.h"
#include "emulator/data/answers.h"
#include "emulator/data/call.h"
#include "emulator/data/collections.h"
#include "emulator/data/composite.h"
#include "emulator/data/jobs.h"
#include "emulator/data/query.h"
#include "emulator/data/records.h"
#include "emulator/data/resources.h"
#include "emulator/data/seed.h"
#include "emulator/data/sobjects.h"

namespace latchkey::emulator {
namespace rest {
namespace {

constexpr std::int64_t usual_daily_limit = 15'000;
constexpr std::chrono::hours limit_window{24};
constexpr std::string_view root = "/services/data";

/// The path's decoded segments, empty ones left out, so that a closing or doubled slash means
/// nothing. nullopt if a segment cannot be decoded to UTF-8.
std::optional<std::vector<std::string>> segments_of(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty()) {
        const std::string_view one = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(path.size(), one.size() + 1));
        if (one.empty()) continue;
        auto decoded = percent_decode(one);
        if (!decoded || !valid_utf8(*decoded)) return std::nullopt;
        segments.push_back(std::move(*decoded));
    }
    return segments;
}

/// ".json" at the end asks for what is answered anyhow. An external id may end so by itself.
void drop_json_suffix(std::vector<std::string>& path) {
    constexpr std::string_view suffix = ".json";
    const bool external = path.size() == 4 && path[0] == "sobjects";
    if (path.empty() || external || !path.back().ends_with(suffix)) return;
    path.back().resize(path.back().size() - suffix.size());
}

Reply route(const Call& call, Org& org, Cursors& cursors, Jobs& jobs, const Usage& usage,
            const AnswerPart& part) {
    if (call.path.empty()) return answer_resources(call);
    const std::string& first = call.path[0];
    if (first == "query" || first == "queryAll") return answer_query(call, org, cursors);
    if (first == "jobs") return answer_jobs(call, org, jobs);
    if (first == "sobjects") return answer_sobjects(call, org);
    if (first == "limits" && call.path.size() == 1) return answer_limits(call, usage);
    const auto is = [&](std::initializer_list<std::string_view> path) {
        return std::ranges::equal(call.path, path);
    };
    if (is({"composite"})) return answer_composite(call, org, part);
    if (is({"composite", "batch"})) return answer_composite_batch(call, part);
    if (first == "composite" && call.path.size() > 1 && call.path[1] == "sobjects") {
        return answer_collections(call, org);
    }
    if (is({"tooling", "query"})) return answer_tooling_query(call);
    if (is({"chatter", "users", "me"})) return answer_me(call, org);
    return error_reply(no_such_resource());
}

}  // namespace
}  // namespace rest

using namespace rest;

struct DataApi::Impl {
    Impl(std::uint64_t s, std::string o, std::string u, std::string n)
        : seed(s), org_id(std::move(o)), user_id(std::move(u)), username(std::move(n)) {}

    /// The records are made when somebody asks for them: many who emulate a login never do.
    Org& org() {
        if (!filled) filled = std::make_unique<Org>(seed, org_id, user_id, username);
        return *filled;
    }

    Reply answer(const ServedRequest& request, const Caller& caller, WallTime now,
                 std::vector<std::string> path) {
        std::string method = request.method == "HEAD" ? "GET" : request.method;
        auto params = parse_form(request.query);
        if (!params) {
            return error_reply({400, "BAD_REQUEST", "The query string cannot be decoded."});
        }
        const int version = version_of(path.front());
        if (version == 0) return error_reply(no_such_resource());
        if (version < oldest_version) {
            return error_reply({410, "UNSUPPORTED_API_VERSION",
                                fmt::format("API version {}.0 is retired; use {}.0 or newer.",
                                            version, oldest_version)});
        }
        path.erase(path.begin());
        drop_json_suffix(path);
        Call call{request,
                  caller,
                  now,
                  version,
                  fmt::format("/services/data/v{}.0", version),
                  std::move(method),
                  std::move(path),
                  std::move(*params)};
        if (call.method == "POST") call.method = call.param("_HttpMethod").value_or("POST");
        const AnswerPart part = [&](const ServedRequest& one) {
            auto segments = segments_of(std::string_view(one.path).substr(root.size()));
            if (!segments || segments->empty()) return error_reply(no_such_resource());
            return answer(one, caller, now, std::move(*segments));
        };
        return route(call, org(), cursors, jobs, usage, part);
    }

    /// Counts the request; false if the day's allowance is used up.
    bool count(WallTime now) {
        if (now - window_start >= limit_window) {
            window_start = now;
            usage.used = 0;
        }
        if (usage.used >= usage.limit) return false;
        ++usage.used;
        return true;
    }

    /// Users come from the OAuth side; one that the org does not know yet has just logged in.
    void know(const Caller& caller) {
        Table& users = org().table(*find_object("User"));
        if (!users.find(caller.user_id)) add_user(users, caller.user_id, caller.username);
    }

    std::uint64_t seed;
    std::string org_id;
    std::string user_id;
    std::string username;
    std::unique_ptr<Org> filled;
    Cursors cursors;
    Jobs jobs;
    Usage usage{0, usual_daily_limit};
    WallTime window_start{};
};

DataApi::DataApi(std::uint64_t seed, std::string org_id, std::string user_id, std::string username)
    : impl_(std::make_unique<Impl>(seed, std::move(org_id), std::move(user_id),
                                   std::move(username))) {}

DataApi::~DataApi() = default;

Reply DataApi::handle(const ServedRequest& request, const std::optional<Caller>& caller,
                      WallTime now) {
    auto path = segments_of(
        std::string_view(request.path).substr(std::min(root.size(), request.path.size())));
    if (path && path->empty()) {
        if (request.method == "GET" || request.method == "HEAD") return versions_reply();
        return method_refused(request.method, "HEAD,GET");
    }
    if (!caller) {
        return error_reply({401, "INVALID_SESSION_ID", "Session expired or invalid"});
    }
    Reply reply;
    if (!impl_->count(now)) {
        reply = error_reply({403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."});
    } else if (!path) {
        reply = error_reply(no_such_resource());
    } else {
        impl_->know(*caller);
        reply = impl_->answer(request, *caller, now, std::move(*path));
    }
    reply.headers.add("Sforce-Limit-Info",
                      fmt::format("api-usage={}/{}", impl_->usage.used, impl_->usage.limit));
    return reply;
}

void DataApi::set_daily_limit(std::int64_t requests) {
    impl_->usage = Usage{0, requests};
}

void DataApi::set_generated_rows(std::int64_t rows) {
    impl_->org().generated_rows = rows;
}

std::int64_t DataApi::daily_limit() const {
    return impl_->usage.limit;
}

std::int64_t DataApi::used_today() const {
    return impl_->usage.used;
}

std::int64_t DataApi::generated_rows() const {
    return impl_->filled ? impl_->filled->generated_rows : usually_generated;
}

void DataApi::reset() {
    impl_ = std::make_unique<Impl>(impl_->seed, impl_->org_id, impl_->user_id, impl_->username);
}

}  // namespace latchkey::emulator
