#include "salesforce/hosts.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace latchkey::salesforce {
namespace {

/// Registered domains (or the part of one) whose every sub-domain is run by Salesforce.
constexpr std::array<std::string_view, 7> domains = {
    "salesforce.com", "force.com",        "my.site.com", "salesforce.mil",
    "force.mil",      "sfcrmproducts.cn", "sfcrmapps.cn"};

/// Hosts with a fixed name at which any user of that kind of org may log in.
constexpr std::array<std::string_view, 6> login_hosts = {
    "login.salesforce.com", "test.salesforce.com",    "login.salesforce.mil",
    "test.salesforce.mil",  "login.sfcrmproducts.cn", "test.sfcrmproducts.cn"};

constexpr std::array<std::string_view, 3> my_domains = {"my.salesforce.com", "my.salesforce.mil",
                                                        "my.sfcrmproducts.cn"};
constexpr std::string_view site_domain = "my.site.com";

/// Where a browser's address bar shows a page of the org: never an OAuth or API host, but the name
/// in front is that of the org's My Domain.
struct PageHost {
    std::string_view domain;
    std::string_view my_domain;
};
constexpr std::array<PageHost, 4> page_hosts = {{
    {"lightning.force.com", "my.salesforce.com"},
    {"my.salesforce-setup.com", "my.salesforce.com"},
    {"lightning.force.mil", "my.salesforce.mil"},
    {"lightning.sfcrmapps.cn", "my.sfcrmproducts.cn"},
}};

constexpr std::size_t input_limit = 2048;
constexpr std::size_t path_limit = 256;

constexpr const char* allowed_hosts =
    "login.salesforce.com, test.salesforce.com, the org's My Domain (NAME.my.salesforce.com) or an "
    "Experience Cloud site (NAME.my.site.com/PATH)";

Error refused(const std::string& why) {
    return {Fault::bad_input, "invalid_login_host", why + " Use " + allowed_hosts + "."};
}

/// What stands before ".domain"; empty if the host does not end in it at a label's border.
std::string_view before(std::string_view host, std::string_view domain) {
    if (host.size() <= domain.size() + 1 || !host.ends_with(domain)) return {};
    if (host[host.size() - domain.size() - 1] != '.') return {};
    return host.substr(0, host.size() - domain.size() - 1);
}

/// A My Domain's name, with its partition where it has one: "acme", "acme--dev.sandbox".
bool is_org_name(std::string_view name) {
    return !name.empty() && std::count(name.begin(), name.end(), '.') <= 1;
}

bool is_address(std::string_view host) {
    return host.find(':') != std::string_view::npos ||
           host.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// Says Salesforce where it is not: "evilsalesforce.com", "login.salesforce.com.evil.com",
/// "force.com". "salesforce.acme.com" is an ordinary custom domain.
bool pretends(std::string_view host) {
    return std::find(domains.begin(), domains.end(), host) != domains.end() ||
           host.find("salesforce.com") != std::string_view::npos ||
           host.find("salesforce.mil") != std::string_view::npos ||
           host.find("sfcrmproducts.cn") != std::string_view::npos;
}

/// "/site" or "/site/part" without escapes, dots as a whole segment or empty segments; nullopt for
/// anything else. A closing slash is taken off.
std::optional<std::string> site_path(std::string_view path) {
    if (path.ends_with('/')) path.remove_suffix(1);
    if (path.empty()) return std::string{};
    if (path.front() != '/' || path.size() > path_limit) return std::nullopt;
    auto rest = path;
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const auto segment = rest.substr(0, rest.find('/'));
        const auto odd = segment.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~");
        if (segment.empty() || segment == "." || segment == ".." || odd != std::string_view::npos) {
            return std::nullopt;
        }
        rest.remove_prefix(segment.size());
    }
    return std::string{path};
}

std::string_view trimmed(std::string_view text) {
    const auto start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return {};
    return text.substr(start, text.find_last_not_of(" \t\r\n") + 1 - start);
}

/// The My Domain of a page host; an error with advice if it is one of the pages' hosts but its My
/// Domain cannot be told; nullopt if it is none.
std::optional<Result<std::string>> my_domain_of(std::string_view host) {
    for (const auto& page : page_hosts) {
        if (host != page.domain && before(host, page.domain).empty()) continue;
        const auto name = before(host, page.domain);
        if (is_org_name(name)) return std::string{name} + '.' + std::string{page.my_domain};
        return refused(
            "This is the address of Salesforce's pages, not of its logins, and the org's "
            "name cannot be told from it.");
    }
    return std::nullopt;
}

enum class Kind { no_path, with_path, wrong };

/// Whether a host that is Salesforce's own may be logged in to, and whether it can have a path.
Kind salesforce_kind(std::string_view host) {
    if (std::find(login_hosts.begin(), login_hosts.end(), host) != login_hosts.end()) {
        return Kind::no_path;
    }
    for (const auto domain : my_domains) {
        if (is_org_name(before(host, domain))) return Kind::no_path;
    }
    return is_org_name(before(host, site_domain)) ? Kind::with_path : Kind::wrong;
}

/// The rules for hosts that are not Salesforce's: only the operator can vouch for them.
std::optional<Error> foreign_problem(const Origin& origin, bool configured) {
    if (!configured) {
        return refused(
            "This host is not one of Salesforce's. A custom domain has to be configured "
            "by the operator.");
    }
    if (origin.loopback()) return std::nullopt;
    if (!origin.tls) return refused("Only a loopback address may go without https.");
    if (is_address(origin.host)) return refused("A login host is a name, not a network address.");
    if (pretends(origin.host)) {
        return refused("This host has Salesforce's name in it but is not one of Salesforce's.");
    }
    if (origin.host.find('.') == std::string::npos) {
        return refused("A custom domain has a dot in its name.");
    }
    return std::nullopt;
}

}  // namespace

std::string LoginBase::url() const {
    return origin.text() + path;
}

std::string LoginBase::endpoint(std::string_view service) const {
    return url() + std::string{service};
}

bool is_salesforce_host(std::string_view host) {
    return std::any_of(domains.begin(), domains.end(),
                       [&](std::string_view domain) { return !before(host, domain).empty(); });
}

Result<LoginBase> check_login(std::string_view url_or_host, bool configured) {
    auto text = trimmed(url_or_host);
    if (text.empty()) return refused("There is no login host.");
    if (text.size() > input_limit) return refused("This is too long for a login host.");

    std::string scheme = "https://";
    if (const auto mark = text.find("://"); mark != std::string_view::npos) {
        scheme = std::string{text.substr(0, mark + 3)};
        text.remove_prefix(mark + 3);
    }
    const auto host_end = std::min(text.find_first_of("/?#"), text.size());
    auto origin = Origin::parse(scheme + std::string{text.substr(0, host_end)});
    if (!origin) return refused("This is no address of the form https://host.");
    const auto behind = text.substr(host_end);

    if (auto page = my_domain_of(origin->host)) {
        if (*page && (!origin->tls || origin->port != 443)) {
            return refused("A login host of Salesforce is reached by https, without a port.");
        }
        if (!*page) return page->error();
        // What stood behind the host was the way to a page, not to a site.
        origin->host = **page;
        LoginBase base;
        base.origin = *origin;
        return base;
    }

    bool may_have_path = true;
    if (is_salesforce_host(origin->host)) {
        const auto kind = salesforce_kind(origin->host);
        if (kind == Kind::wrong) return refused("Nobody logs in at this host of Salesforce.");
        if (!origin->tls || origin->port != 443) {
            return refused("A login host of Salesforce is reached by https, without a port.");
        }
        may_have_path = kind == Kind::with_path;
    } else if (auto problem = foreign_problem(*origin, configured)) {
        return *problem;
    }

    auto path = site_path(behind);
    if (!path) return refused("What follows the host is not the path of an Experience Cloud site.");
    if (!path->empty() && !may_have_path) {
        return refused(
            "Only an Experience Cloud site has a path: leave out what follows the host.");
    }
    if (path->starts_with("/services/")) {
        return refused("This is the address of an endpoint: leave out /services and what follows.");
    }
    LoginBase base;
    base.origin = std::move(*origin);
    base.path = std::move(*path);
    return base;
}

Result<Origin> check_instance(std::string_view instance_url, const LoginBase& login) {
    const Error rejected{Fault::denied, "host_rejected",
                         "The answer names an instance host that is not one of Salesforce's, so "
                         "nothing was sent there. Check the login URL and who answers at it.",
                         printable(instance_url)};
    if (instance_url.size() > input_limit) return rejected;
    auto origin = Origin::parse(instance_url);
    if (!origin) return rejected;

    // A login host outside Salesforce's domains was vouched for by the operator, and only itself.
    const bool vouched = !is_salesforce_host(login.origin.host) && *origin == login.origin;
    if (vouched) return *origin;

    // Origin::parse forgets ":443" and the case; an instance URL of Salesforce has no port at all.
    const auto bare = instance_url.ends_with('/') ? instance_url.substr(0, instance_url.size() - 1)
                                                  : instance_url;
    const bool no_port = ascii_iequal(bare, origin->text());
    if (origin->tls && origin->port == 443 && no_port && is_salesforce_host(origin->host)) {
        return *origin;
    }
    return rejected;
}

}  // namespace latchkey::salesforce
