#include <cstdlib>

#include "base/origin.h"
#include "cli/acts.h"

namespace latchkey::cli {
namespace {

constexpr int most_pages = 500;

}  // namespace

Result<std::unique_ptr<Backend>> open_backend() {
    const char* server = std::getenv("LATCHKEY_SERVER");
    if (server != nullptr && *server != '\0') {
        const char* file = std::getenv("LATCHKEY_API_KEY_FILE");
        if (file == nullptr || *file == '\0')
            return Error{Fault::misconfigured, "api_key_required",
                         "LATCHKEY_SERVER is set; name the file of an API key in "
                         "LATCHKEY_API_KEY_FILE."};
        auto key = read_secret_file(file);
        if (!key) return key.error();
        return open_remote(server, std::move(*key));
    }
    auto state = StateFolder::open();
    if (!state) return state.error();
    return open_local(state->options());
}

Result<std::string> client_for(const std::string& instance_url, const std::string& client_id) {
    if (!client_id.empty()) return client_id;
    // The emulator knows the official command line's public client; Salesforce wants an app of
    // one's own.
    const auto origin = Origin::parse(instance_url);
    if (origin && origin->loopback()) return std::string{"PlatformCLI"};
    return Error{Fault::bad_input, "client_id_required",
                 "Name your app's consumer key with --client-id/-i."};
}

Result<ConnectionId> choose(Backend& backend, const std::string& name) {
    if (name.starts_with("cn_")) return ConnectionId{name};
    if (!name.empty()) {
        auto state = StateFolder::open();
        if (!state) return state.error();
        const auto alias = state->aliases().find(name);
        if (alias != state->aliases().end()) return ConnectionId{alias->second};
    }
    std::vector<Connection> fitting;
    std::string cursor;
    for (int page = 0; page < most_pages; ++page) {
        auto list = backend.connections(cursor);
        if (!list) return list.error();
        for (auto& c : list->items)
            if (c.standing != Standing::revoked && c.standing != Standing::revoking &&
                (name.empty() || c.username == name))
                fitting.push_back(std::move(c));
        cursor = list->next_cursor;
        if (cursor.empty() || fitting.size() > 1) break;
    }
    if (fitting.size() == 1) return fitting.front().id;
    if (fitting.empty())
        return Error{Fault::not_found, "connection_not_found",
                     name.empty() ? "There is no connection yet; make one with: latchkey login web"
                                  : "No connection has that id, alias or user name; see: latchkey "
                                    "list"};
    return Error{Fault::bad_input, "connection_required",
                 "Several connections fit; name one with --username/-o (see: latchkey list)."};
}

}  // namespace latchkey::cli
