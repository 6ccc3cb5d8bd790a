#include <limits>
#include <map>

#include <boost/json.hpp>

#include "base/text.h"
#include "facade/budget_desk.h"
#include "facade/key_desk.h"
#include "service/replies.h"
#include "service/requests.h"
#include "service/server.h"

// How the server stands and what has happened, for whoever sends it work and for whoever watches it.
// Operators' listener only.

namespace latchkey::service {
namespace {

constexpr std::chrono::seconds time_to_look{5};
constexpr std::int64_t most_events = 500;
constexpr std::int64_t most_orgs = 1000;

boost::json::object to_json(const Error& error) {
    return {{"code", error.code}, {"message", error.message}, {"act", name(error.fault)}};
}

boost::json::object to_json(const JournalState& journal) {
    return {{"answers", journal.answers},
            {"open_answers", journal.open_answers},
            {"bytes", journal.bytes},
            {"unknown_entries", journal.unknown_entries},
            {"damage_set_aside", journal.damage_set_aside},
            {"disk_failed", journal.disk_failed}};
}

boost::json::object to_json(const Status& status) {
    boost::json::object parts{{"store", "ok"}, {"journal", "ok"}, {"refreshing", "ok"}};
    boost::json::array hindrances;
    for (const auto& hindrance : status.hindrances) {
        const auto* part = name(hindrance.part);
        parts[part] = hindrance.why.code;
        auto one = to_json(hindrance.why);
        one["part"] = part;
        hindrances.emplace_back(std::move(one));
    }
    // A provider may have as many orgs as there are connections; how many are paused, and why, tells
    // enough, and names nobody.
    std::map<std::array<std::string, 3>, std::int64_t> orgs;
    std::map<std::array<std::string, 3>, const Error*> why;
    for (const auto& open : status.open_circuits) {
        const std::array<std::string, 3> key{
            open.provider.text, open.org_id.empty() ? "provider" : "org", open.why.code};
        ++orgs[key];
        why[key] = &open.why;
    }
    boost::json::array paused;
    for (const auto& [key, error] : why) {
        auto one = to_json(*error);
        one["provider"] = key[0];
        one["scope"] = key[1];
        if (key[1] == "org") one["orgs"] = orgs[key];
        paused.emplace_back(std::move(one));
    }
    boost::json::object out{{"ready", status.ready()},
                            {"parts", std::move(parts)},
                            {"hindrances", std::move(hindrances)},
                            {"paused", std::move(paused)},
                            {"refreshes_under_way", status.refreshes_under_way},
                            {"refreshes_waiting", status.refreshes_waiting},
                            {"connections_in_doubt", status.connections_in_doubt},
                            {"journal", to_json(status.journal)}};
    out["kill_switches_on"] = status.kill_switches_on;
    if (status.connections_suspect) out["connections_suspect"] = *status.connections_suspect;
    return out;
}

/// The error form, with everything else that is known: the first hindrance's code, what all say.
Reply not_ready(const Status& status, const std::string& request_id) {
    auto body = to_json(status);
    std::string message;
    for (const auto& hindrance : status.hindrances)
        message += (message.empty() ? "" : " ") + hindrance.why.message;
    body["error"] = status.hindrances.front().why.code;
    body["message"] = message;
    body["request_id"] = request_id;
    auto reply = json_reply(503, body);
    reply.headers.add("Retry-After", "2");
    return reply;
}

}  // namespace

/// GET /readyz
Async<Reply> Server::ready_route(std::shared_ptr<Context> c) {
    if (library_ == nullptr)
        co_return error_reply({Fault::try_later, "starting", "The server is starting."},
                              c->request_id);
    auto status = co_await library_->async_status(Deadline::in(time_to_look));
    if (!status) co_return error_reply(status.error(), c->request_id);
    if (!status->ready()) co_return not_ready(*status, c->request_id);
    co_return json_reply(200, to_json(*status));
}

/// What is not counted but looked at, for a scrape.
Async<void> Server::take_gauges() {
    if (library_ == nullptr) co_return;
    const auto turned_away =
        public_->turned_away() + operators_->turned_away() + (loops_ ? loops_->turned_away() : 0);
    metrics_.set("log_records_dropped_total", {}, static_cast<double>(lost_records_()));
    metrics_.set("callers_turned_away_total", {}, static_cast<double>(turned_away));
    for (const auto priority : {Priority::low, Priority::normal})
        metrics_.set("orgs_refusing_calls", {name(priority)},
                     static_cast<double>(orgs_refusing(*library_, priority)));
    for (const auto& [code, times] : key_refusals(*library_))
        metrics_.set("key_refusals_total", {code}, static_cast<double>(times));
    auto looked = co_await library_->async_status(Deadline::in(time_to_look));
    metrics_.set("ready", {}, looked && looked->ready() ? 1 : 0);
    metrics_.forget("connections");
    metrics_.forget("connections_suspect");
    if (!looked) co_return;
    const auto& status = *looked;
    const auto count = [](auto n) { return static_cast<double>(n); };
    metrics_.set("refreshes_under_way", {}, count(status.refreshes_under_way));
    metrics_.set("refreshes_waiting", {}, count(status.refreshes_waiting));
    metrics_.set("connections_in_doubt", {}, count(status.connections_in_doubt));
    metrics_.set("kill_switches_on", {}, count(status.kill_switches_on));
    if (status.connections_suspect)
        metrics_.set("connections_suspect", {}, count(*status.connections_suspect));
    const auto& journal = status.journal;
    metrics_.set("journal_answers", {"open"}, count(journal.open_answers));
    metrics_.set("journal_answers", {"closed"}, count(journal.answers - journal.open_answers));
    metrics_.set("journal_bytes", {}, count(journal.bytes));
    metrics_.set("journal_disk_failed", {}, journal.disk_failed ? 1 : 0);
    metrics_.set("journal_damage_set_aside", {}, count(journal.damage_set_aside));
    metrics_.set("journal_unknown_entries", {}, count(journal.unknown_entries));
    if (status.connections)
        for (const auto& share : *status.connections)
            metrics_.set("connections", {name(share.standing), share.reason},
                         count(share.connections));

    for (const auto& provider : config_.providers) {
        std::int64_t whole = 0;
        std::int64_t orgs = 0;
        for (const auto& open : status.open_circuits)
            if (open.provider == provider.id) ++(open.org_id.empty() ? whole : orgs);
        metrics_.set("refresh_circuits_open", {provider.id.text, "provider"}, count(whole));
        metrics_.set("refresh_circuits_open", {provider.id.text, "org"}, count(orgs));
    }
    if (!status.forecast) co_return;
    const auto& f = *status.forecast;
    const auto set = [&](std::string_view what, std::string_view within, std::int64_t n) {
        metrics_.set("forecast_connections", {what, within}, count(n));
    };
    set("idle_end", "1d", f.idle_end_in_1d);
    set("idle_end", "7d", f.idle_end_in_7d);
    set("idle_end", "16d", f.idle_end_in_16d);
    set("keep_alive", "1d", f.keep_alive_in_1d);
    set("keep_alive", "7d", f.keep_alive_in_7d);
    set("access_token_end", "1h", f.access_end_in_1h);
    set("session_end", "any", f.without_refresh_token);
    const auto age = std::chrono::system_clock::now() - f.made_at;
    metrics_.set("forecast_age_seconds", {},
                 count(std::chrono::duration_cast<std::chrono::seconds>(age).count()));
}

/// GET /v1/orgs
Async<Reply> Server::org_route(std::shared_ptr<Context> c) {
    if (library_ == nullptr) co_return no_such_route(c->request_id);
    if (c->request.method != "GET") co_return method_not_allowed("GET", c->request_id);
    auto who = co_await caller(*c, Permission::admin);
    if (!who) co_return error_reply(who.error(), c->request_id);
    auto query = read_query(c->request, {"limit"});
    if (!query) co_return error_reply(query.error(), c->request_id);
    auto limit = optional_number(*query, "limit", 1, most_orgs);
    if (!limit) co_return error_reply(limit.error(), c->request_id);
    boost::json::array items;
    for (const auto& org : short_orgs(*library_, static_cast<std::size_t>(limit->value_or(100)))) {
        boost::json::array refuses;
        if (org.refuses_low) refuses.emplace_back(name(Priority::low));
        if (org.refuses_normal) refuses.emplace_back(name(Priority::normal));
        items.emplace_back(boost::json::object{{"org", org.org},
                                               {"used", org.used},
                                               {"limit", org.limit},
                                               {"refuses", std::move(refuses)}});
    }
    co_return json_reply(200, {{"items", std::move(items)}});
}

/// GET /v1/events
Async<Reply> Server::event_route(std::shared_ptr<Context> c) {
    if (library_ == nullptr) co_return no_such_route(c->request_id);
    if (c->request.method != "GET") co_return method_not_allowed("GET", c->request_id);
    auto who = co_await caller(*c, Permission::admin);
    if (!who) co_return error_reply(who.error(), c->request_id);
    auto query = read_query(c->request, {"after", "limit"});
    if (!query) co_return error_reply(query.error(), c->request_id);
    auto after = optional_number(*query, "after", 0, std::numeric_limits<std::int64_t>::max());
    if (!after) co_return error_reply(after.error(), c->request_id);
    auto limit = optional_number(*query, "limit", 1, most_events);
    if (!limit) co_return error_reply(limit.error(), c->request_id);
    auto list = co_await library_->async_events(
        after->value_or(0), static_cast<std::size_t>(limit->value_or(100)), patience());
    if (!list) co_return error_reply(list.error(), c->request_id);

    boost::json::array items;
    for (const auto& event : list->items) {
        boost::json::object item{{"number", event.number},
                                 {"at", rfc3339(event.at)},
                                 {"type", event.type},
                                 {"connection", event.connection.text},
                                 {"generation", event.generation.value}};
        if (!event.reason.empty()) item["reason"] = event.reason;
        items.emplace_back(std::move(item));
    }
    co_return json_reply(200, {{"items", std::move(items)}, {"last", list->last}});
}

}  // namespace latchkey::service
