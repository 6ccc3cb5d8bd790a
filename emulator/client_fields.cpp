#include <array>
#include <charconv>
#include <limits>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/text.h"
#include "emulator/clients.h"

namespace latchkey::emulator {
namespace {

namespace json = boost::json;
using Kind = RefreshPolicy::Kind;
constexpr std::size_t most_items = 200;

// The words of each choice, in the order of its enumerators.
constexpr auto words(Reuse) {
    return std::to_array<std::string_view>({"revoke_family", "reject_only", "revoke_user_app"});
}
constexpr auto words(Concurrency) {
    return std::to_array<std::string_view>(
        {"block_same_token", "legacy_text", "block_app", "allow"});
}
constexpr auto words(OldAccessToken) {
    return std::to_array<std::string_view>({"survives", "dies"});
}
constexpr auto words(Pkce) {
    return std::to_array<std::string_view>({"optional", "required"});
}
constexpr auto words(PermittedUsers) {
    return std::to_array<std::string_view>({"self_authorize", "admin_approved"});
}
constexpr auto words(Distribution) {
    return std::to_array<std::string_view>({"ConnectedApp", "Local", "Packaged"});
}
constexpr auto words(RevokeErrors) {
    return std::to_array<std::string_view>({"by_accept", "json", "form"});
}
constexpr auto words(TokenFormat) {
    return std::to_array<std::string_view>({"opaque"});
}
constexpr std::array policy_words =
    std::to_array<std::string_view>({"until_revoked", "immediate", "idle", "fixed"});

/// Every field, once: what is read and what is printed cannot drift apart.
template <class AnyClient, class Visit>
void each_field(AnyClient& c, Visit&& visit) {
    visit("client_id", c.client_id);
    visit("secret", c.secret);
    visit("redirect_uris", c.redirect_uris);
    visit("any_loopback_redirect", c.any_loopback_redirect);
    visit("scopes", c.scopes);
    visit("pkce", c.pkce);
    visit("secret_required_web", c.secret_required_web);
    visit("secret_required_refresh", c.secret_required_refresh);
    visit("rotation", c.rotation);
    visit("reuse", c.reuse);
    visit("rtr_old_access_token", c.rtr_old_access_token);
    visit("concurrent_refresh", c.concurrent_refresh);
    visit("refresh_latency", c.refresh_latency);
    visit("refresh_policy", c.refresh_policy);
    visit("idle_ttl_30d", c.idle_ttl_30d);
    visit("ip_allowlist", c.ip_allowlist);
    visit("max_approvals", c.max_approvals);
    visit("session_timeout", c.session_timeout);
    visit("sliding", c.sliding);
    visit("half_window_update", c.half_window_update);
    visit("permitted_users", c.permitted_users);
    visit("approved_users", c.approved_users);
    visit("installed", c.installed);
    visit("blocked", c.blocked);
    visit("distribution_state", c.distribution_state);
    visit("token_format", c.token_format);
    visit("sfap", c.sfap);
    visit("instance_url_move", c.instance_url_move);
    visit("include_expires_in", c.include_expires_in);
    visit("issued_at_number", c.issued_at_number);
    visit("extra_fields", c.extra_fields);
    visit("maintenance", c.maintenance);
    visit("login_rate", c.login_rate);
    visit("revoke_error_encoding", c.revoke_error_encoding);
    visit("daily_limit", c.daily_limit);
}

/// What one kind of field takes, or an empty text when it took the value.
using Complaint = std::string;

Complaint take(const json::value& from, bool& to) {
    if (from.is_bool()) return to = from.get_bool(), "";
    if (from.is_string() && (from.get_string() == "on" || from.get_string() == "off")) {
        return to = from.get_string() == "on", "";
    }
    return "true or false";
}

Complaint take(const json::value& from, std::int64_t& to) {
    if (!from.is_int64() || from.get_int64() < 0) return "a whole number from 0 on";
    if (from.get_int64() > std::numeric_limits<std::int32_t>::max()) return "a smaller number";
    to = from.get_int64();
    return "";
}

Complaint take(const json::value& from, std::string& to) {
    if (from.is_null()) return to.clear(), "";
    if (!from.is_string() || from.get_string().size() > 1000) return "a text of at most 1000 bytes";
    to = std::string{from.get_string()};
    return "";
}

Complaint take(const json::value& from, std::vector<std::string>& to) {
    std::vector<std::string> read;
    if (from.is_string()) {  // "api id": scopes as they stand in a request
        std::string_view rest = from.get_string();
        while (!rest.empty()) {
            const auto end = std::min(rest.find(' '), rest.size());
            if (end > 0) read.emplace_back(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    } else if (from.is_array()) {
        for (const auto& item : from.get_array()) {
            if (!item.is_string()) return "an array of texts";
            read.emplace_back(item.get_string());
        }
    } else {
        return "an array of texts";
    }
    if (read.size() > most_items) return "at most 200 texts";
    to = std::move(read);
    return "";
}

Complaint take(const json::value& from, RefreshPolicy& to) {
    constexpr auto allowed = "until_revoked, immediate, idle:SECONDS or fixed:SECONDS";
    if (!from.is_string()) return allowed;
    const std::string_view text = from.get_string();
    const auto colon = text.find(':');
    const auto name = text.substr(0, colon);
    for (std::size_t i = 0; i < policy_words.size(); ++i) {
        if (policy_words[i] != name) continue;
        const auto kind = static_cast<Kind>(i);
        const bool timed = kind == Kind::idle || kind == Kind::fixed;
        if (timed != (colon != std::string_view::npos)) return allowed;
        std::uint32_t seconds = 0;
        if (timed) {
            const auto digits = text.substr(colon + 1);
            const auto end = digits.data() + digits.size();
            const auto read = std::from_chars(digits.data(), end, seconds);
            if (read.ec != std::errc{} || read.ptr != end || seconds == 0) return allowed;
        }
        to = {kind, std::chrono::seconds{seconds}};
        return "";
    }
    return allowed;
}

template <class Choice>
    requires std::is_enum_v<Choice>
Complaint take(const json::value& from, Choice& to) {
    const auto known = words(Choice{});
    if (from.is_bool() && known.size() == 2) {  // "pkce": true
        to = static_cast<Choice>(from.get_bool() ? 1 : 0);
        return "";
    }
    std::string allowed = "one of";
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (from.is_string() && from.get_string() == known[i]) {
            to = static_cast<Choice>(i);
            return "";
        }
        allowed += (i == 0 ? " " : ", ") + std::string{known[i]};
    }
    return allowed;
}

json::value shown(bool value) {
    return value;
}
json::value shown(std::int64_t value) {
    return value;
}
json::value shown(const std::string& value) {
    return json::string{value};
}
json::value shown(const std::vector<std::string>& values) {
    json::array out;
    for (const auto& value : values) out.emplace_back(value);
    return out;
}
json::value shown(const RefreshPolicy& policy) {
    std::string out{policy_words[static_cast<std::size_t>(policy.kind)]};
    if (policy.span.count() > 0) out += ":" + std::to_string(policy.span.count());
    return json::string{out};
}
template <class Choice>
    requires std::is_enum_v<Choice>
json::value shown(Choice choice) {
    return json::string{words(Choice{})[static_cast<std::size_t>(choice)]};
}

}  // namespace

Result<Client> read_client(const json::object& wish, Client base) {
    std::string known;
    std::size_t matched = 0;
    std::string complaint;
    each_field(base, [&](std::string_view name, auto& field) {
        known += (known.empty() ? "" : ", ") + std::string{name};
        const auto found = wish.find(name);
        if (found == wish.end()) return;
        ++matched;
        const auto wanted = take(found->value(), field);
        if (!wanted.empty() && complaint.empty()) {
            complaint = "'" + std::string{name} + "' must be " + wanted;
        }
    });
    if (!complaint.empty()) return Error{Fault::bad_input, "wrong_value", complaint + "."};
    if (matched != wish.size()) {
        for (const auto& field : wish) {
            bool is_known = false;
            each_field(base,
                       [&](std::string_view name, auto&) { is_known |= name == field.key(); });
            if (!is_known) {
                return Error{
                    Fault::bad_input, "unknown_field",
                    "'" + printable(field.key(), 64) + "' is not known here; known are: " + known};
            }
        }
    }
    if (base.client_id.empty()) {
        return Error{Fault::bad_input, "wrong_value", "'client_id' must not be empty."};
    }
    return base;
}

json::object print_client(const Client& client) {
    json::object out;
    each_field(client, [&](std::string_view name, const auto& field) { out[name] = shown(field); });
    return out;
}

}  // namespace latchkey::emulator
