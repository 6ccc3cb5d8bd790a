#include "emulator/world.h"

namespace latchkey::emulator {
namespace {

constexpr std::size_t most_logins = 10'000;

}  // namespace

World::World(std::uint64_t seed, bool rotation, Pkce pkce)
    : ids(seed),
      clients(rotation, pkce),
      data(seed, people.org_id(), people.ada().id, people.ada().username),
      logins(most_logins),
      codes(most_logins),
      browsers(most_logins),
      login_times(most_logins),
      seed_(seed),
      rotation_(rotation),
      pkce_(pkce) {}

void World::reset() {
    ids = Ids{seed_};
    clients = Clients{rotation_, pkce_};
    grants = Grants{};
    ledger.clear();
    faults.clear();
    data.reset();
    logins.clear();
    codes.clear();
    browsers.clear();
    busy.clear();
    login_times.clear();
    offset = std::chrono::seconds{0};
}

Bearer bearer_of(const ServedRequest& request) {
    const auto line = request.headers.find("Authorization");
    if (!line) return {};
    const auto blank = line->find(' ');
    const auto scheme = line->substr(0, blank);
    if (blank == std::string_view::npos ||
        (!ascii_iequal(scheme, "Bearer") && !ascii_iequal(scheme, "OAuth"))) {
        return {Bearer::Kind::other, ""};
    }
    return {Bearer::Kind::token, std::string{line->substr(blank + 1)}};
}

std::optional<FormFields> form_of(const ServedRequest& request) {
    const auto type = request.headers.find("Content-Type");
    // A missing type is taken for a form, as curl without -H never sends one of another kind.
    if (type && !ascii_lower(*type).starts_with("application/x-www-form-urlencoded")) {
        return std::nullopt;
    }
    return parse_form(request.body);
}

std::string value_of(const FormFields& fields, std::string_view name) {
    for (const auto& [key, value] : fields) {
        if (key == name) return value;
    }
    return "";
}

std::string identity_url(std::string_view origin, const World& world, std::string_view user_id) {
    return std::string{origin} + "/id/" + world.people.org_id() + "/" + std::string{user_id};
}

}  // namespace latchkey::emulator
