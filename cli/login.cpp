#include <algorithm>
#include <cstdlib>
#include <iostream>

#include <pwd.h>
#include <unistd.h>
#include <boost/json.hpp>

#include <latchkey/latchkey.h>

#include "cli/acts.h"
#include "cli/output.h"

namespace latchkey::cli {
namespace {

std::string user_name() {
    const passwd* entry = ::getpwuid(::getuid());
    return entry != nullptr && entry->pw_name != nullptr ? entry->pw_name
                                                         : std::to_string(::getuid());
}

/// The registration for this login, kept for later refreshes; the same words find the same one.
KnownProvider& remember(StateFolder& state, const LoginCommand& command) {
    KnownProvider wanted;
    wanted.client_id = command.client_id;
    wanted.client_secret_file = command.client_secret_file;
    wanted.login_url = command.instance_url;
    wanted.redirect_uri = "http://localhost:" + std::to_string(command.port) + "/OauthRedirect";
    wanted.scopes = command.scopes;
    for (auto& known : state.providers())
        if (known.client_id == wanted.client_id && known.login_url == wanted.login_url &&
            known.redirect_uri == wanted.redirect_uri) {
            known.scopes = wanted.scopes;
            known.client_secret_file = wanted.client_secret_file;
            return known;
        }
    wanted.id = "p" + std::to_string(state.providers().size() + 1);
    state.providers().push_back(std::move(wanted));
    return state.providers().back();
}

ConnectionId named(const StateFolder& state, const std::string& name) {
    const auto alias = state.aliases().find(name);
    return ConnectionId{alias != state.aliases().end() ? alias->second : name};
}

Result<Connection> login(LoginCommand command) {
    if (std::getenv("LATCHKEY_SERVER") != nullptr)
        return Error{Fault::bad_input, "login_needs_own_store",
                     "login web works on this machine's own store; unset LATCHKEY_SERVER, or open "
                     "a connect session of the server."};
    if (command.instance_url.find("://") == std::string::npos)
        command.instance_url = "https://" + command.instance_url;
    auto state = StateFolder::open();
    if (!state) return state.error();

    LoopbackLogin wish;
    if (!command.connection.empty()) wish.connection = named(*state, command.connection);
    // A reconnect goes through the registration that the connection was made with, unless told
    // otherwise.
    const bool as_before = wish.connection && command.client_id.empty();
    if (!as_before) {
        auto client = client_for(command.instance_url, command.client_id);
        if (!client) return client.error();
        command.client_id = std::move(*client);
        if (command.scopes.empty()) command.scopes = {"api", "refresh_token", "id"};
        wish.provider = ProviderId{remember(*state, command).id};
    }
    auto options = state->options();
    if (wish.provider && std::none_of(options.providers.begin(), options.providers.end(),
                                      [&](const auto& p) { return p.id == *wish.provider; }))
        return Error{Fault::misconfigured, "secret_file",
                     "The login needs the client's secret; see the line above."};
    auto library = Latchkey::open(std::move(options));
    if (!library) return library.error();
    if (as_before) {
        auto before = (*library)->connection(*wish.connection);
        if (!before) return before.error();
        wish.provider = before->provider;
    }
    if (const auto saved = state->save(); !saved) return saved.error();

    wish.end_user = user_name();
    wish.login_hint = command.login_hint;
    wish.wait = std::chrono::seconds{command.wait_s};
    wish.show = [quiet = command.no_browser](const std::string& url) {
        show_login("Log in to Salesforce here", url, quiet);
    };
    auto connection = (*library)->login(std::move(wish));
    if (!connection) return connection.error();
    if (!command.alias.empty()) {
        state->aliases()[command.alias] = connection->id.text;
        if (const auto saved = state->save(); !saved) return saved.error();
    }
    return connection;
}

}  // namespace

int login_web(const LoginCommand& command) {
    auto connection = login(command);
    if (!connection) return fail(connection.error(), command.json);
    if (command.json)
        print_json(to_json(*connection));
    else {
        std::cout << "Connected.\n";
        print_connection(*connection);
    }
    return 0;
}

}  // namespace latchkey::cli
