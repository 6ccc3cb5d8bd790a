#include "facade/check_providers.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "salesforce/hosts.h"

namespace latchkey {

namespace {

constexpr std::size_t most_providers = 1000;
constexpr std::size_t most_url_bytes = 2000;
constexpr std::size_t most_scopes = 50;
constexpr std::size_t most_return_urls = 100;

Error refused(const Provider& provider, const std::string& what) {
    return {Fault::misconfigured, "invalid_provider",
            "Provider \"" + printable(provider.id.text, 64) + "\": " + what};
}

bool plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool valid_id(const std::string& id) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), fits);
}

/// The origin of an absolute http or https URL, whatever follows it.
std::optional<Origin> origin_of(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return std::nullopt;
    const auto end = url.find_first_of("/?#", scheme + 3);
    auto origin = Origin::parse(url.substr(0, end));
    if (!origin) return std::nullopt;
    return std::move(*origin);
}

/// https anywhere, or http on this machine.
bool safe_for_browsers(std::string_view url, bool by_name) {
    if (url.empty() || url.size() > most_url_bytes || !plain(url)) return false;
    if (url.find('#') != std::string_view::npos || url.find('\\') != std::string_view::npos) {
        return false;
    }
    const auto origin = origin_of(url);
    if (!origin) return false;
    if (origin->tls) return true;
    return origin->loopback() && (by_name || origin->host != "localhost");
}

std::optional<std::string> wrong_scopes(const Provider& provider) {
    if (provider.scopes.empty() || provider.scopes.size() > most_scopes) {
        return "scopes must name 1 to 50 scopes, such as api, refresh_token and id.";
    }
    for (const auto& scope : provider.scopes) {
        if (scope.empty() || scope.size() > 100 || !plain(scope)) {
            return "a scope must be 1 to 100 printable characters without a blank.";
        }
        if (scope == "openid") {
            return "the scope openid is not supported, because its id_token is not checked yet. "
                   "Remove it; the scope id tells who logged in.";
        }
    }
    return std::nullopt;
}

std::optional<std::string> wrong(const Provider& provider) {
    if (!valid_id(provider.id.text)) {
        return "its name must be 1 to 64 of a-z, 0-9, _ and -.";
    }
    if (provider.client_id.empty() || provider.client_id.size() > 1000 ||
        !plain(provider.client_id)) {
        return "client_id must be the consumer key of the app in Salesforce.";
    }
    if (const auto* proof = std::get_if<SecretProof>(&provider.proof);
        proof != nullptr && proof->client_secret.empty()) {
        return "its client secret is empty. Give the consumer secret, or make it a public client.";
    }
    if (provider.login_url) {
        const auto login = salesforce::check_login(*provider.login_url, true);
        if (!login) return "login_url: " + login.error().message;
    }
    if (!safe_for_browsers(provider.redirect_uri, true)) {
        return "redirect_uri must be an https URL, or an http URL on a loopback host, without a "
               "fragment, exactly as the app in Salesforce lists it.";
    }
    if (auto scopes = wrong_scopes(provider)) return scopes;
    if (provider.refreshes_per_second < 1 || provider.refreshes_per_second > 100000)
        return "refreshes_per_second must be from 1 to 100000.";
    if (provider.return_urls.size() > most_return_urls) return "it has more than 100 return URLs.";
    for (const auto& url : provider.return_urls) {
        if (!safe_for_browsers(url, false)) {
            return "return_urls must be https URLs, or http URLs on 127.0.0.1 or [::1], without a "
                   "fragment.";
        }
    }
    return std::nullopt;
}

}  // namespace

Result<LoopbackPlace> loopback_place(const std::string& redirect_uri) {
    const Error no{
        Fault::misconfigured, "redirect_not_loopback",
        "A login in this process needs a redirect URI such as "
        "http://localhost:1717/OauthRedirect: http, a loopback host, a port and a path."};
    const auto origin = origin_of(redirect_uri);
    if (!origin || origin->tls || !origin->loopback()) return no;
    const auto slash = redirect_uri.find('/', std::string_view{"http://"}.size());
    LoopbackPlace place;
    place.origin = *origin;
    place.path = slash == std::string::npos ? "/" : redirect_uri.substr(slash);
    if (place.path.find_first_of("?#") != std::string::npos) return no;
    return place;
}

Result<void> check_providers(const std::vector<Provider>& all) {
    if (all.size() > most_providers) {
        return Error{Fault::misconfigured, "invalid_provider", "There are too many providers."};
    }
    std::set<std::string> seen;
    for (const auto& provider : all) {
        if (const auto what = wrong(provider)) return refused(provider, *what);
        if (!seen.insert(provider.id.text).second) {
            return refused(provider, "two providers have this name.");
        }
    }
    return {};
}

std::vector<Origin> private_origins(const std::vector<Provider>& all) {
    std::vector<Origin> origins;
    for (const auto& provider : all) {
        if (!provider.login_url) continue;
        const auto login = salesforce::check_login(*provider.login_url, true);
        if (login && login->origin.loopback()) origins.push_back(login->origin);
    }
    return origins;
}

}  // namespace latchkey
