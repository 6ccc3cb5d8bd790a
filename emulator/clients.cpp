#include "emulator/clients.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace latchkey::emulator {
namespace {

constexpr std::size_t most_clients = 1000;

bool in_range(const boost::asio::ip::address& address, const std::string& range) {
    namespace ip = boost::asio::ip;
    boost::system::error_code bad;
    if (range.find('/') == std::string::npos)
        return ip::make_address(range, bad) == address && !bad;
    if (address.is_v4()) {
        const auto net = ip::make_network_v4(range, bad);
        if (bad) return false;
        const auto mask = net.netmask().to_uint();
        return (address.to_v4().to_uint() & mask) == (net.address().to_uint() & mask);
    }
    const auto net = ip::make_network_v6(range, bad);
    if (bad) return false;
    const auto wanted = ip::network_v6(address.to_v6(), net.prefix_length()).network();
    return wanted == net.network();
}

/// Plain http to this machine, whatever the port and the path: what development setups register.
bool is_loopback(std::string_view uri) {
    const auto parsed = boost::urls::parse_uri(uri);
    if (!parsed) return false;
    const boost::urls::url_view url = *parsed;
    if (url.scheme() != "http" && url.scheme() != "https") return false;
    if (url.has_userinfo() || url.has_fragment()) return false;
    const auto host = url.encoded_host();
    return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

}  // namespace

bool Client::has_scope(std::string_view scope) const {
    const auto has = [this](std::string_view name) {
        return std::find(scopes.begin(), scopes.end(), name) != scopes.end();
    };
    if (has(scope)) return true;
    if (scope == "refresh_token") return has("offline_access");
    if (scope == "offline_access") return has("refresh_token");
    if (scope == "profile" || scope == "email" || scope == "address" || scope == "phone") {
        return has("id") || has("full");
    }
    if (scope == "chatter_api") return has("api") || has("full");
    if (scope == "visualforce") return has("web") || has("full");
    return (scope == "api" || scope == "web" || scope == "id") && has("full");
}

bool Client::accepts_redirect(std::string_view uri) const {
    if (std::find(redirect_uris.begin(), redirect_uris.end(), uri) != redirect_uris.end()) {
        return true;
    }
    return any_loopback_redirect && is_loopback(uri);
}

RefreshPolicy Client::effective_policy() const {
    if (idle_ttl_30d && refresh_policy.kind == RefreshPolicy::Kind::until_revoked) {
        return {RefreshPolicy::Kind::idle, std::chrono::hours{24 * 30}};
    }
    return refresh_policy;
}

bool Client::allows_address(std::string_view address) const {
    if (ip_allowlist.empty()) return true;
    boost::system::error_code bad;
    auto from = boost::asio::ip::make_address(address, bad);
    if (bad) return false;
    if (from.is_v6() && from.to_v6().is_v4_mapped()) {
        from = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, from.to_v6());
    }
    return std::any_of(ip_allowlist.begin(), ip_allowlist.end(),
                       [&](const std::string& range) { return in_range(from, range); });
}

Clients::Clients(bool rotation, Pkce pkce)
    : rotation_(rotation), pkce_(pkce), by_id_(most_clients) {
    Client demo = fresh(true);
    demo.client_id = "latchkey-demo";
    demo.secret = "latchkey-demo-secret";
    demo.any_loopback_redirect = true;
    put(std::move(demo));

    Client cli = fresh(false);
    cli.client_id = "PlatformCLI";
    cli.redirect_uris = {"http://localhost:1717/OauthRedirect"};
    put(std::move(cli));
}

void Clients::put(Client client) {
    const std::string id = client.client_id;
    by_id_.put(id, std::move(client));
}

Client Clients::fresh(bool confidential) const {
    Client client;
    client.scopes = {"api",     "refresh_token", "id",    "openid",  "web",
                     "profile", "email",         "phone", "address", "full"};
    client.rotation = rotation_;
    client.pkce = pkce_;
    client.secret_required_web = confidential;
    client.secret_required_refresh = confidential;
    return client;
}

}  // namespace latchkey::emulator
