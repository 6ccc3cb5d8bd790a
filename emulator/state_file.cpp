#include "emulator/state_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace latchkey::emulator {
namespace {

namespace json = boost::json;

Error broken(const std::string& what) {
    return {Fault::misconfigured, "state_file",
            "The emulator's state file " + what + ". Choose another file or remove it."};
}

std::int64_t seconds(WallTime when) {
    return when.time_since_epoch().count();
}

json::object grant_json(const Grant& grant) {
    json::array scopes;
    for (const auto& scope : grant.scopes) scopes.emplace_back(scope);
    json::object out;
    out["id"] = grant.id;
    out["client_id"] = grant.client_id;
    out["user_id"] = grant.user_id;
    out["scopes"] = std::move(scopes);
    out["approved_at"] = seconds(grant.approved_at);
    out["last_used"] = seconds(grant.last_used);
    out["refresh_token"] = grant.refresh_token;
    out["generation"] = grant.generation;
    out["moved_to"] = grant.moved_to;
    out["alive"] = grant.alive;
    return out;
}

json::object session_json(const Session& session) {
    json::object out;
    out["token"] = session.token;
    out["grant"] = session.grant;
    out["origin"] = session.origin;
    out["issued_at"] = seconds(session.issued_at);
    out["written_at"] = seconds(session.written_at);
    out["timeout"] = session.timeout.count();
    out["sliding"] = session.sliding;
    out["half_window_update"] = session.half_window_update;
    return out;
}

/// Fields of one object of the file. A missing or different one makes the whole file broken.
class Fields {
public:
    Fields(const json::value& from, bool& good) : good_(good) {
        static const json::object none;
        good_ &= from.is_object();
        object_ = from.is_object() ? &from.get_object() : &none;
    }
    std::string text(std::string_view name) {
        const auto* value = object_->if_contains(name);
        if (value != nullptr && value->is_string()) return std::string{value->get_string()};
        good_ = false;
        return "";
    }
    std::int64_t number(std::string_view name) {
        const auto* value = object_->if_contains(name);
        if (value != nullptr && value->is_int64()) return value->get_int64();
        good_ = false;
        return 0;
    }
    bool flag(std::string_view name) {
        const auto* value = object_->if_contains(name);
        if (value != nullptr && value->is_bool()) return value->get_bool();
        good_ = false;
        return false;
    }
    WallTime time(std::string_view name) { return WallTime{std::chrono::seconds{number(name)}}; }
    const json::array& list(std::string_view name) {
        static const json::array none;
        const auto* value = object_->if_contains(name);
        if (value != nullptr && value->is_array()) return value->get_array();
        good_ = false;
        return none;
    }

private:
    const json::object* object_;
    bool& good_;
};

Grant read_grant(const json::value& from, bool& good) {
    Fields fields{from, good};
    Grant grant;
    grant.id = fields.text("id");
    grant.client_id = fields.text("client_id");
    grant.user_id = fields.text("user_id");
    for (const auto& scope : fields.list("scopes")) {
        good &= scope.is_string();
        if (scope.is_string()) grant.scopes.emplace_back(scope.get_string());
    }
    grant.approved_at = fields.time("approved_at");
    grant.last_used = fields.time("last_used");
    grant.refresh_token = fields.text("refresh_token");
    grant.generation = static_cast<std::uint64_t>(fields.number("generation"));
    grant.moved_to = fields.text("moved_to");
    grant.alive = fields.flag("alive");
    return grant;
}

Session read_session(const json::value& from, bool& good) {
    Fields fields{from, good};
    Session session;
    session.token = fields.text("token");
    session.grant = fields.text("grant");
    session.origin = fields.text("origin");
    session.issued_at = fields.time("issued_at");
    session.written_at = fields.time("written_at");
    session.timeout = std::chrono::seconds{fields.number("timeout")};
    session.sliding = fields.flag("sliding");
    session.half_window_update = fields.flag("half_window_update");
    return session;
}

std::string state_text(const World& world) {
    const auto kept = world.grants.snapshot();
    json::array clients;
    for (const auto& [id, client] : world.clients.all()) clients.push_back(print_client(client));
    json::array grants;
    for (const auto& grant : kept.grants) grants.push_back(grant_json(grant));
    json::array sessions;
    for (const auto& session : kept.sessions) sessions.push_back(session_json(session));
    json::array spent;
    for (const auto& [token, grant] : kept.spent) {
        spent.push_back(json::object{{"token", token}, {"grant", grant}});
    }
    json::object out;
    out["drawn"] = world.ids.drawn();
    out["advanced_seconds"] = world.offset.count();
    out["opened"] = kept.opened;
    out["clients"] = std::move(clients);
    out["grants"] = std::move(grants);
    out["sessions"] = std::move(sessions);
    out["spent"] = std::move(spent);
    return json::serialize(out);
}

bool write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const auto wrote = ::write(file, text.data(), text.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
}

}  // namespace

Result<void> save_state(const World& world, const std::string& path) {
    const std::string fresh = path + ".new";
    const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return broken("cannot be written");
    const bool written = write_all(file, state_text(world)) && ::fsync(file) == 0;
    ::close(file);
    if (!written || std::rename(fresh.c_str(), path.c_str()) != 0) {
        return broken("cannot be written");
    }
    return {};
}

Result<void> load_state(World& world, const std::string& path) {
    if (::access(path.c_str(), F_OK) != 0) return {};
    std::ifstream in{path, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (!in) return broken("cannot be read");
    boost::system::error_code bad;
    const auto parsed = json::parse(text, bad);
    if (bad) return broken("is not JSON");

    bool good = true;
    Fields fields{parsed, good};
    const auto drawn = static_cast<std::uint64_t>(fields.number("drawn"));
    const std::chrono::seconds offset{fields.number("advanced_seconds")};
    Grants::Snapshot kept;
    kept.opened = static_cast<std::uint64_t>(fields.number("opened"));
    std::vector<Client> clients;
    for (const auto& one : fields.list("clients")) {
        auto client = one.is_object() ? read_client(one.get_object(), Client{})
                                      : Result<Client>{broken("is not one of ours")};
        if (!client) return broken("is not one of ours");
        clients.push_back(std::move(*client));
    }
    for (const auto& one : fields.list("grants")) kept.grants.push_back(read_grant(one, good));
    for (const auto& one : fields.list("sessions")) {
        kept.sessions.push_back(read_session(one, good));
    }
    for (const auto& one : fields.list("spent")) {
        Fields pair{one, good};
        std::string token = pair.text("token");
        kept.spent.emplace_back(std::move(token), pair.text("grant"));
    }
    if (!good) return broken("is not one of ours");
    world.ids.go_on_from(drawn);
    world.offset = offset;
    for (auto& client : clients) world.clients.put(std::move(client));
    world.grants.restore(std::move(kept));
    return {};
}

}  // namespace latchkey::emulator
