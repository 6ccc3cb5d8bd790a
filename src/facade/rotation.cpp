#include <latchkey/rotation.h>

#include <memory>
#include <utility>

#include "base/run_here.h"
#include "crypto/master_key.h"
#include "facade/check_providers.h"
#include "facade/house.h"
#include "facade/loopback_login.h"
#include "facade/rotation_probe.h"
#include "store/memory_journal.h"
#include "store/memory_store.h"
#include "vault/key_ring_loader.h"

// What the measuring stands on: a house whose store is this process's memory, so that its logins go
// the way of every login, and nothing of them is kept.

namespace latchkey {

const char* name(GrantFate fate) noexcept {
    switch (fate) {
        case GrantFate::lives:
            return "lives";
        case GrantFate::ended:
            return "ended";
        case GrantFate::unknown:
            break;
    }
    return "unknown";
}

const char* name(IntrospectionFinding finding) noexcept {
    switch (finding) {
        case IntrospectionFinding::truthful:
            return "truthful";
        case IntrospectionFinding::wrong:
            return "wrong";
        case IntrospectionFinding::refused:
            return "refused";
        case IntrospectionFinding::unclear:
            break;
    }
    return "unclear";
}

namespace {

using namespace std::chrono_literals;

constexpr auto time_to_open = 10s;
constexpr auto time_to_redeem = 60s;

Result<salesforce::LoginBase> check(const RotationProbe& probe) {
    if (!probe.show)
        return Error{Fault::bad_input, "show_missing",
                     "Nobody would see where to log in. Set RotationProbe::show."};
    if (!probe.is_connected)
        return Error{Fault::bad_input, "is_connected_missing",
                     "Grants of connected users must not be spent. Set "
                     "RotationProbe::is_connected."};
    if (!probe.provider.login_url)
        return Error{Fault::bad_input, "login_url_missing",
                     "The provider must say where to log in. Set Provider::login_url."};
    auto checked = check_providers({probe.provider});
    if (!checked) return checked.error();
    auto place = loopback_place(probe.provider.redirect_uri);
    if (!place) return place.error();
    return salesforce::check_login(*probe.provider.login_url, true);
}

Result<void> furnish(Ground& ground) {
    ground.store = std::make_unique<MemoryStore>(ground.clock, ground.random);
    ground.journal = std::make_shared<MemoryJournal>(NodeId{"rotation-probe"}, ground.clock);
    boost::asio::io_context loop;
    const auto by = ground.clock.in(time_to_open);
    auto& keys = ground.store->keys();
    auto installation = run_here(loop, keys.installation(by));
    if (!installation) return installation.error();
    ground.installation = std::move(*installation);
    ground.master = MasterKey::generate(ground.random);
    auto ring =
        run_here(loop, load_key_ring(keys, *ground.master, ground.random, ground.clock, by));
    if (!ring) return ring.error();
    ground.keys = std::move(*ring);
    return {};
}

Task<ProbeGrant> log_in(House& house, Vault& vault, const RotationProbe& probe, int number) {
    LoopbackLogin login;
    login.end_user = "rotation probe";
    login.login_hint = probe.login_hint;
    login.wait = probe.wait;
    login.show = [&probe, number](const std::string& url) { probe.show(url, number); };
    const auto by = house.ground().clock.in(probe.wait + time_to_redeem);
    auto connection = co_await loopback_login(house, std::move(login), by);
    if (!connection) co_return connection.error();
    auto grant = co_await vault.open(connection->id, by);
    if (!grant) co_return grant.error();
    if (!grant->refresh_token)
        co_return Error{Fault::misconfigured, "no_refresh_token",
                        "The login brought no refresh token. Give the app the scope refresh_token "
                        "and a refresh token policy other than \"Immediately expire\"."};
    ProbeGrant made;
    made.token = std::move(*grant->refresh_token);
    made.org_id = connection->org_id;
    made.user_id = connection->user_id;
    co_return made;
}

}  // namespace

Result<RotationReport> probe_rotation(RotationProbe probe) {
    auto login = check(probe);
    if (!login) return login.error();
    Options options;
    options.providers = {probe.provider};
    options.ca_file = probe.ca_file;
    boost::asio::io_context loop{1};
    auto ground = std::make_unique<Ground>(options);
    const auto furnished = furnish(*ground);
    if (!furnished) return furnished.error();
    House house{std::move(ground), loop};
    auto& standing = house.ground();
    Vault vault{*standing.store,          *standing.journal, standing.keys,
                standing.installation.id, standing.random,   standing.clock};
    NetTransport transport{standing.net, standing.clock};
    TokenEndpoint endpoint{transport, standing.clock};
    RotationMeasuring measuring{ProbeParts{
        endpoint, standing.clock, probe.provider, std::move(*login), probe.grace,
        probe.count_approvals, [&](int number) { return log_in(house, vault, probe, number); },
        probe.is_connected, probe.tell}};
    return run_here(loop, measuring.run());
}

}  // namespace latchkey
