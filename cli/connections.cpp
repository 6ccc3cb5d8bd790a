#include <iostream>

#include <unistd.h>
#include <boost/json.hpp>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/output.h"

namespace latchkey::cli {
namespace {

/// What each command on one connection begins with.
struct Chosen {
    std::unique_ptr<Backend> backend;
    ConnectionId id;
};

Result<Chosen> open_and_choose(const ConnectionCommand& command) {
    auto backend = open_backend();
    if (!backend) return backend.error();
    auto id = choose(**backend, command.connection);
    if (!id) return id.error();
    return Chosen{std::move(*backend), std::move(*id)};
}

Result<std::vector<Connection>> everything(Backend& backend) {
    constexpr int most_pages = 500;
    std::vector<Connection> all;
    std::string cursor;
    for (int page = 0; page < most_pages; ++page) {
        auto list = backend.connections(cursor);
        if (!list) return list.error();
        for (auto& c : list->items) all.push_back(std::move(c));
        cursor = list->next_cursor;
        if (cursor.empty()) break;
    }
    return all;
}

Result<void> forget_alias(const ConnectionId& id) {
    auto state = StateFolder::open();
    if (!state) return state.error();
    std::erase_if(state->aliases(), [&](const auto& entry) { return entry.second == id.text; });
    return state->save();
}

}  // namespace

int list(const ConnectionCommand& command) {
    auto backend = open_backend();
    if (!backend) return fail(backend.error(), command.json);
    auto all = everything(**backend);
    if (!all) return fail(all.error(), command.json);
    if (command.json) {
        boost::json::array items;
        for (const auto& c : *all) items.emplace_back(to_json(c));
        print_json({{"items", std::move(items)}});
        return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& c : *all)
        rows.push_back(
            {c.id.text, c.end_user, c.username.empty() ? c.user_id : c.username,
             std::string{name(c.standing)} + (c.reason.empty() ? "" : " (" + c.reason + ")"),
             std::to_string(c.generation.value)});
    print_table({"CONNECTION", "END USER", "SALESFORCE USER", "STANDING", "GENERATION"}, rows);
    return 0;
}

int show(const ConnectionCommand& command) {
    auto chosen = open_and_choose(command);
    if (!chosen) return fail(chosen.error(), command.json);
    auto connection = chosen->backend->connection(chosen->id);
    if (!connection) return fail(connection.error(), command.json);
    if (command.json)
        print_json(to_json(*connection));
    else
        print_connection(*connection);
    return 0;
}

int token(const ConnectionCommand& command) {
    auto chosen = open_and_choose(command);
    if (!chosen) return fail(chosen.error(), command.json);
    auto got = chosen->backend->token(chosen->id);
    if (!got) return fail(got.error(), command.json);
    // This command exists to print the token; it is the one place of the program that does.
    if (!command.json) {
        std::cout << got->token.reveal() << "\n";
        return 0;
    }
    boost::json::object out{{"access_token", got->token.reveal()},
                            {"instance_url", got->instance_url},
                            {"generation", got->generation.value}};
    if (got->expires_at) out["expires_at"] = rfc3339(*got->expires_at);
    print_json(out);
    return 0;
}

int logout(const LogoutCommand& command) {
    auto backend = open_backend();
    if (!backend) return fail(backend.error(), command.json);
    std::vector<ConnectionId> ids;
    if (command.all) {
        auto all = everything(**backend);
        if (!all) return fail(all.error(), command.json);
        for (const auto& c : *all)
            if (c.standing != Standing::revoked) ids.push_back(c.id);
    } else {
        auto id = choose(**backend, command.connection);
        if (!id) return fail(id.error(), command.json);
        ids.push_back(*id);
    }
    boost::json::array done;
    for (const auto& id : ids) {
        auto connection = (*backend)->revoke(id);
        if (!connection) return fail(connection.error(), command.json);
        // Salesforce is told in the background; a short-lived command waits for it a little.
        for (int tries = 0; tries < 100 && connection->standing == Standing::revoking; ++tries) {
            ::usleep(100'000);
            auto again = (*backend)->connection(id);
            if (!again) break;
            connection = std::move(again);
        }
        if (const auto forgotten = forget_alias(id); !forgotten)
            return fail(forgotten.error(), command.json);
        if (command.json)
            done.emplace_back(to_json(*connection));
        else
            std::cout << id.text << ": "
                      << (connection->standing == Standing::revoked
                              ? "revoked at Salesforce"
                              : "no longer used here; Salesforce has not answered yet and is "
                                "asked again at the next command")
                      << "\n";
    }
    if (command.json) print_json({{"items", std::move(done)}});
    return 0;
}

}  // namespace latchkey::cli
