#include "emulator/controls.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "emulator/answers.h"
#include "emulator/tokens.h"

namespace latchkey::emulator {
namespace {

namespace json = boost::json;

constexpr std::int64_t longest_advance = 100LL * 366 * 24 * 3600;
constexpr std::int64_t most_grants_at_once = 10'000;

Reply refused(int status, std::string_view code, std::string_view message) {
    return json_answer(status, json::object{{"error", code}, {"message", message}});
}

Reply refused(const Error& error) {
    return refused(400, error.code, error.message);
}

bool from_here(std::string_view peer) {
    if (peer.starts_with("::ffff:")) peer.remove_prefix(7);
    return peer == "::1" || peer.starts_with("127.");
}

/// The body as an object; an empty body is an empty object.
Result<json::object> body_of(const Visit& visit) {
    if (visit.request.body.empty()) return json::object{};
    boost::system::error_code bad;
    auto value = json::parse(visit.request.body, bad);
    if (bad || !value.is_object()) {
        return Error{Fault::bad_input, "invalid_json", "The body must be one JSON object."};
    }
    return std::move(value.get_object());
}

json::object tally_json(const Tally& tally, std::uint64_t refresh_tokens,
                        std::uint64_t access_tokens) {
    json::object out;
    out["refreshes"] = tally.refreshes;
    out["reuses"] = tally.reuses;
    out["max_in_flight"] = tally.max_in_flight;
    out["revocations"] = tally.revocations;
    out["live_tokens"] = refresh_tokens;
    out["live_access_tokens"] = access_tokens;
    return out;
}

json::array uses_json(const Ledger& ledger) {
    json::array out;
    for (const auto& use : ledger.uses()) {
        json::object one;
        one["token"] = use.token_tag;
        one["grant"] = use.grant;
        one["arrived_at"] = use.arrived_at.time_since_epoch().count();
        one["arrived"] = use.arrived;
        if (use.begun) one["begun"] = *use.begun;
        if (use.ended) one["ended"] = *use.ended;
        one["outcome"] = use.outcome;
        if (use.handed_over) one["handed_over"] = *use.handed_over;
        out.push_back(std::move(one));
    }
    return out;
}

Reply ledger(World& world, const Visit& visit) {
    json::array grants;
    std::uint64_t all_refresh_tokens = 0;
    std::uint64_t all_sessions = 0;
    for (const auto& [id, grant] : world.grants.all()) {
        const User* user = world.people.by_id(grant.user_id);
        const Client* client = world.clients.find(grant.client_id);
        const auto ends =
            client == nullptr ? std::nullopt : refresh_expiry(grant, client->effective_policy());
        const bool lasts =
            grant.alive && !grant.refresh_token.empty() && !(ends && visit.now >= *ends);
        std::uint64_t sessions = 0;
        const auto tokens = grant.sessions;  // looking ends those whose time is over
        for (const auto& token : tokens) {
            if (world.grants.session(token, visit.now) != nullptr) ++sessions;
        }
        json::object one = tally_json(world.ledger.of(id), lasts ? 1 : 0, sessions);
        one["id"] = id;
        one["client_id"] = grant.client_id;
        one["user"] = user == nullptr ? "" : user->username;
        grants.push_back(std::move(one));
        all_refresh_tokens += lasts ? 1 : 0;
        all_sessions += sessions;
    }
    json::object out;
    out["totals"] = tally_json(world.ledger.totals(), all_refresh_tokens, all_sessions);
    out["grants"] = std::move(grants);
    const auto query = parse_form(visit.request.query).value_or(FormFields{});
    if (value_of(query, "uses") == "1") out["uses"] = uses_json(world.ledger);
    return json_answer(200, out);
}

json::object clock_json(const World& world, const Visit& visit) {
    const auto now = visit.now + world.offset;
    return {{"now", rfc3339(now)},
            {"epoch_seconds", now.time_since_epoch().count()},
            {"advanced_seconds", world.offset.count()}};
}

Reply move_clock(World& world, const Visit& visit) {
    const auto body = body_of(visit);
    if (!body) return refused(body.error());
    for (const auto& field : *body) {
        if (field.key() == "advance_seconds") continue;
        return refused(
            400, "unknown_field",
            "'" + printable(field.key(), 64) + "' is not known here; known are: advance_seconds");
    }
    const auto* by = body->if_contains("advance_seconds");
    if (by == nullptr || !by->is_int64() || by->get_int64() < 0 ||
        by->get_int64() > longest_advance - world.offset.count()) {
        return refused(400, "wrong_value",
                       "'advance_seconds' must be a whole number from 0 on, a century in all.");
    }
    const std::chrono::seconds step{by->get_int64()};
    Visit later = visit;
    later.now = visit.now - world.offset;  // clock_json adds the whole offset again
    world.offset += step;
    return json_answer(200, clock_json(world, later));
}

Reply show_clock(const World& world, const Visit& visit) {
    Visit unmoved = visit;
    unmoved.now = visit.now - world.offset;
    return json_answer(200, clock_json(world, unmoved));
}

Reply put_client(World& world, const Visit& visit) {
    const auto body = body_of(visit);
    if (!body) return refused(body.error());
    const auto* id = body->if_contains("client_id");
    const bool named = id != nullptr && id->is_string();
    const Client* known = named ? world.clients.find(std::string{id->get_string()}) : nullptr;
    const auto* secret = body->if_contains("secret");
    const bool confidential =
        secret != nullptr && secret->is_string() && !secret->get_string().empty();
    auto client = read_client(*body, known != nullptr ? *known : world.clients.fresh(confidential));
    if (!client) return refused(client.error());
    if (client->daily_limit > 0 && body->contains("daily_limit")) {
        world.data.set_daily_limit(client->daily_limit);
    }
    auto shown = print_client(*client);
    world.clients.put(std::move(*client));
    return json_answer(200, shown);
}

/// Approvals without a browser: a user approves an app so many times, and here is what the token
/// endpoint would have answered to each code.
Reply open_grants(World& world, const Visit& visit) {
    const auto body = body_of(visit);
    if (!body) return refused(body.error());
    for (const auto& field : *body) {
        if (field.key() == "client_id" || field.key() == "user" || field.key() == "count") continue;
        return refused(400, "unknown_field",
                       "'" + printable(field.key(), 64) +
                           "' is not known here; known are: client_id, user, count");
    }
    const auto text = [&](std::string_view name, std::string_view otherwise) {
        const auto* value = body->if_contains(name);
        if (value == nullptr) return std::string{otherwise};
        return value->is_string() ? std::string{value->get_string()} : std::string{};
    };
    const Client* client = world.clients.find(text("client_id", ""));
    if (client == nullptr) {
        return refused(400, "wrong_value", "'client_id' must name a client that there is.");
    }
    const User* user = world.people.by_username(text("user", world.people.ada().username));
    if (user == nullptr) {
        return refused(400, "wrong_value", "'user' must be the name of a user of the org.");
    }
    std::int64_t count = 1;
    if (const auto* value = body->if_contains("count")) {
        count = value->is_int64() ? value->get_int64() : 0;
    }
    if (count < 1 || count > most_grants_at_once) {
        return refused(400, "wrong_value", "'count' must be a whole number from 1 to 10000.");
    }
    json::array opened;
    for (std::int64_t i = 0; i < count; ++i) {
        Grant& grant =
            approve(world, visit, *client, user->id, {"api", "refresh_token", "id"}, true);
        auto answer = token_answer(world, visit, *client, grant, grant.refresh_token, "");
        opened.push_back(json::object{{"grant", grant.id}, {"answer", std::move(answer)}});
    }
    return json_answer(200, json::object{{"grants", std::move(opened)}});
}

Reply show_clients(const World& world) {
    json::array all;
    for (const auto& [id, client] : world.clients.all()) all.push_back(print_client(client));
    return json_answer(200, json::object{{"clients", std::move(all)}});
}

Reply show_data(const World& world) {
    return json_answer(200, json::object{{"daily_limit", world.data.daily_limit()},
                                         {"used_today", world.data.used_today()},
                                         {"generated_records", world.data.generated_rows()}});
}

Reply change_data(World& world, const Visit& visit) {
    constexpr std::int64_t most_a_day = 1'000'000'000;
    constexpr std::int64_t most_records = 100'000'000;
    const auto body = body_of(visit);
    if (!body) return refused(body.error());
    const auto fits = [](const json::value& value, std::int64_t most) {
        return value.is_int64() && value.get_int64() >= 0 && value.get_int64() <= most;
    };
    for (const auto& field : *body) {
        if (field.key() == "daily_limit") {
            if (!fits(field.value(), most_a_day)) {
                return refused(400, "wrong_value", "'daily_limit' must be 0 to 1000000000.");
            }
        } else if (field.key() == "generated_records") {
            if (!fits(field.value(), most_records)) {
                return refused(400, "wrong_value", "'generated_records' must be 0 to 100000000.");
            }
        } else {
            return refused(400, "unknown_field",
                           "'" + printable(field.key(), 64) +
                               "' is not known here; known are: daily_limit, generated_records");
        }
    }
    if (const auto* limit = body->if_contains("daily_limit")) {
        world.data.set_daily_limit(limit->get_int64());
    }
    if (const auto* records = body->if_contains("generated_records")) {
        world.data.set_generated_rows(records->get_int64());
    }
    return show_data(world);
}

Reply show_faults(const World& world) {
    json::array all;
    for (const auto& plan : world.faults.all()) all.push_back(print_fault(plan));
    return json_answer(200, json::object{{"faults", std::move(all)}});
}

Reply add_fault(World& world, const Visit& visit) {
    const auto body = body_of(visit);
    if (!body) return refused(body.error());
    const auto plan = read_fault(*body);
    if (!plan) return refused(plan.error());
    const auto added = world.faults.add(*plan);
    if (!added) return refused(400, "too_many", "1000 faults wait already; DELETE them first.");
    return json_answer(200, print_fault(*added));
}

}  // namespace

Reply control(World& world, const Visit& visit) {
    if (!from_here(visit.request.peer)) {
        return refused(403, "not_here", "Controls answer requests from this machine only.");
    }
    const std::string& method = visit.request.method;
    const std::string_view name = std::string_view{visit.path}.substr(12);  // behind "/__emulator/"
    const bool get = method == "GET";
    const bool post = method == "POST";

    if (name == "ledger" && get) return ledger(world, visit);
    if (name == "clock" && get) return show_clock(world, visit);
    if (name == "clock" && post) return move_clock(world, visit);
    if (name == "clients" && get) return show_clients(world);
    if (name == "clients" && post) return put_client(world, visit);
    if (name == "grants" && post) return open_grants(world, visit);
    if (name == "data" && get) return show_data(world);
    if (name == "data" && post) return change_data(world, visit);
    if (name == "faults" && get) return show_faults(world);
    if (name == "faults" && post) return add_fault(world, visit);
    if (name == "faults" && method == "DELETE") {
        world.faults.clear();
        return show_faults(world);
    }
    if (name == "sessions/expire" && post) {
        return json_answer(200, json::object{{"expired", world.grants.end_all_sessions()}});
    }
    if (name == "reset" && post) {
        world.reset();
        return json_answer(200, json::object{{"reset", true}});
    }
    for (const auto* known :
         {"ledger", "clock", "clients", "data", "grants", "faults", "sessions/expire", "reset"}) {
        if (name == known) return refused(405, "method_not_allowed", "Use another method here.");
    }
    return refused(
        404, "not_found",
        "Known are: ledger, clock, clients, data, grants, faults, sessions/expire, reset.");
}

}  // namespace latchkey::emulator
