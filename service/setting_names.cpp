#include "service/setting_names.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace latchkey::service {
namespace {

constexpr std::string_view hole = "{provider}";

constexpr SettingName known_keys[] = {
    {"public_url"},
    {"server.listen"},
    {"server.operators_listen"},
    {"server.tls_certificate_file"},
    {"server.tls_key_file"},
    {"server.ca_file"},
    {"server.event_loops"},
    {"gateway.reserve_from_low_percent"},
    {"gateway.reserve_from_normal_percent"},
    {"egress.proxy_url"},
    {"egress.proxy_login"},
    {"egress.proxy_login_file"},
    {"egress.source_address"},
    {"store.path"},
    {"store.dsn"},
    {"store.dsn_file"},
    {"journal.directory"},
    {"rotation.accept_async_replication"},
    {"keys.master_key"},
    {"keys.master_key_file"},
    {"providers.{provider}.login_url"},
    {"providers.{provider}.client_id"},
    {"providers.{provider}.client_secret"},
    {"providers.{provider}.client_secret_file"},
    {"providers.{provider}.public"},
    {"providers.{provider}.redirect_uri"},
    {"providers.{provider}.scopes", true},
    {"providers.{provider}.return_urls", true},
    {"providers.{provider}.uncertain"},
    {"providers.{provider}.introspection"},
    {"providers.{provider}.refreshes_per_second"},
};

/// "providers.acme.login_url" -> "providers.{provider}.login_url".
std::string general_name(std::string_view key) {
    if (!key.starts_with(provider_prefix)) return std::string{key};
    const auto rest = key.substr(provider_prefix.size());
    const auto dot = rest.find('.');
    if (dot == std::string_view::npos) return std::string{key};
    return std::string{provider_prefix}.append(hole).append(rest.substr(dot));
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

const SettingName* setting_of(std::string_view key) {
    const auto name = general_name(key);
    for (const auto& candidate : known_keys)
        if (candidate.name == name) return &candidate;
    return nullptr;
}

std::string nearest_setting(std::string_view key) {
    const auto name = general_name(key);
    std::string_view best = known_keys[0].name;
    for (const auto& candidate : known_keys)
        if (edit_distance(name, candidate.name) < edit_distance(name, best)) best = candidate.name;
    return std::string{best};
}

std::optional<std::string> key_of_variable(std::string_view variable) {
    const auto name = ascii_lower(variable.substr(std::string_view{"LATCHKEY_"}.size()));
    for (const auto& candidate : known_keys) {
        std::string shape{candidate.name};
        const auto at = shape.find(hole);
        std::replace(shape.begin(), shape.end(), '.', '_');
        if (at == std::string::npos) {
            if (shape == name) return std::string{candidate.name};
            continue;
        }
        const auto head = shape.substr(0, at);
        const auto tail = shape.substr(at + hole.size());
        if (name.size() <= head.size() + tail.size() || !name.starts_with(head) ||
            !name.ends_with(tail))
            continue;
        auto key = std::string{candidate.name};
        key.replace(at, hole.size(),
                    name.substr(head.size(), name.size() - head.size() - tail.size()));
        return key;
    }
    return std::nullopt;
}

}  // namespace latchkey::service
