#include "service/root_paths.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "base/text.h"

namespace latchkey::service {
namespace {

bool digit(char c) {
    return c >= '0' && c <= '9';
}

/// "/services/data/v62.0", perhaps with a slash at its end.
bool is_resources(std::string_view path) {
    constexpr std::string_view before = "/services/data/v";
    if (!path.starts_with(before)) return false;
    path.remove_prefix(before.size());
    const auto whole = std::find_if_not(path.begin(), path.end(), digit) - path.begin();
    path.remove_prefix(static_cast<std::size_t>(whole));
    if (whole == 0 || !path.starts_with('.')) return false;
    path.remove_prefix(1);
    const auto part = std::find_if_not(path.begin(), path.end(), digit) - path.begin();
    path.remove_prefix(static_cast<std::size_t>(part));
    return part > 0 && (path.empty() || path == "/");
}

bool starts_with_in_any_case(std::string_view text, std::string_view lower) {
    return text.size() >= lower.size() && ascii_iequal(text.substr(0, lower.size()), lower);
}

constexpr std::array<std::string_view, 5> first_words = {"services", "id/", "secur", "login",
                                                         "setup"};

}  // namespace

std::string_view folded(std::string_view target) {
    if (target.starts_with("//")) target.remove_prefix(1);
    return target;
}

bool at_root(std::string_view target) {
    const auto begin = target.find_first_not_of('/');
    if (begin == 0 || begin == std::string_view::npos) return false;
    const auto rest = target.substr(begin);
    return std::any_of(first_words.begin(), first_words.end(),
                       [&](std::string_view word) { return starts_with_in_any_case(rest, word); });
}

OwnPath own_path(std::string_view target) {
    auto path = target.substr(0, target.find('?'));
    constexpr std::string_view proxy = "/proxy/";
    if (path.starts_with(proxy)) {
        const auto end = path.find('/', proxy.size());
        if (end == std::string_view::npos) return OwnPath::none;
        return is_resources(path.substr(end)) ? OwnPath::resources : OwnPath::none;
    }
    path = folded(path);
    if (path.starts_with("/id/")) return OwnPath::identity;
    constexpr std::string_view oauth = "/services/oauth2/";
    if (path.starts_with(oauth)) {
        const auto name = path.substr(oauth.size());
        if (name == "token") return OwnPath::token;
        if (name == "userinfo") return OwnPath::userinfo;
        if (name == "revoke") return OwnPath::revoke;
        return OwnPath::none;
    }
    return is_resources(path) ? OwnPath::resources : OwnPath::none;
}

void SessionLines::see(std::string_view name, std::string_view value) {
    std::string_view token;
    if (name.size() == 13 && ascii_iequal(name, "Authorization")) {
        const auto blank = std::min(value.find(' '), value.size());
        const auto scheme = value.substr(0, blank);
        if (ascii_iequal(scheme, "Bearer") || ascii_iequal(scheme, "OAuth"))
            token = value.substr(std::min(blank + 1, value.size()));
    } else if (name.size() == 14 && ascii_iequal(name, "X-SFDC-Session")) {
        token = value;
    } else {
        return;
    }
    if (token.empty() || (token_ && *token_ != token)) bad_ = true;
    token_ = token;
}

Result<std::string_view> SessionLines::token() const {
    if (bad_ || !token_) return invalid_session();
    return *token_;
}

Error invalid_session() {
    // The words of a session that is over: nothing tells the two apart.
    return {Fault::denied, "invalid_session",
            "The session is missing, not valid, or over. Open a new gateway session."};
}

std::optional<std::string> with_own_identity(std::string_view body, std::string_view origin) {
    boost::system::error_code failed;
    boost::json::parse_options options;
    options.max_depth = 8;
    auto value = boost::json::parse(body, failed, {}, options);
    if (failed || !value.is_object()) return std::nullopt;
    auto& resources = value.get_object();
    const auto* link = resources.if_contains("identity");
    if (link == nullptr) return std::string{body};
    const auto text = link->is_string() ? std::string{link->get_string()} : std::string{};
    const auto at = text.find("/id/");
    // A link that cannot be led here leads nowhere: the caller's token is not for anybody else.
    if (at == std::string::npos)
        resources.erase("identity");
    else
        resources["identity"] = std::string{origin} + text.substr(at);
    return boost::json::serialize(value);
}

}  // namespace latchkey::service
