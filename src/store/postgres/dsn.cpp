#include "store/postgres/dsn.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include <libpq-fe.h>

namespace latchkey::postgres {
namespace {

Error wrong(const std::string& what) {
    return {Fault::misconfigured, "store_dsn",
            "The store's connection string " + what +
                ". One that works: host=db1,db2 port=5432 dbname=latchkey user=latchkey "
                "password=... sslmode=verify-full"};
}

/// Settings that decide where to connect: ours, not libpq's.
constexpr std::array<std::string_view, 5> places = {"host", "hostaddr", "port",
                                                    "target_session_attrs", "connect_timeout"};

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> parts;
    for (;;) {
        const auto comma = list.find(',');
        parts.emplace_back(list.substr(0, comma));
        if (comma == std::string_view::npos) return parts;
        list.remove_prefix(comma + 1);
    }
}

/// One value for all hosts, or one for each.
bool spread(std::vector<std::string>& values, std::size_t hosts) {
    if (values.size() == 1) values.resize(hosts, values.front());
    return values.size() == hosts;
}

}  // namespace

std::string Host::shown() const {
    return (name.empty() ? address : name) + ":" + port;
}

std::string Dsn::shown() const {
    std::string text;
    for (const auto& host : hosts) text += (text.empty() ? "" : ",") + host.shown();
    return text + "/" + database;
}

Result<Dsn> parse_dsn(const Secret& text) {
    const std::string whole{text.reveal()};
    char* complaint = nullptr;
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{
        PQconninfoParse(whole.c_str(), &complaint), &PQconninfoFree};
    PQfreemem(complaint);  // it quotes the string, and the password with it
    if (!options) return wrong("cannot be read");

    Dsn dsn;
    std::string names;
    std::string addresses;
    std::string ports = "5432";
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr || *option->val == '\0') continue;
        const std::string_view key{option->keyword};
        if (key == "service") return wrong("names a service; name the hosts themselves");
        if (key == "options")
            return wrong("has options, which a pooler would lose; leave them out");
        if (key == "host") names = option->val;
        if (key == "hostaddr") addresses = option->val;
        if (key == "port") ports = option->val;
        if (key == "dbname") dsn.database = option->val;
        if (std::find(places.begin(), places.end(), key) == places.end())
            dsn.settings.emplace_back(std::string{key}, Secret{option->val});
    }
    if (names.empty() && addresses.empty()) return wrong("names no host");
    if (dsn.database.empty()) return wrong("names no database (dbname)");

    auto name = split(names);
    auto address = split(addresses);
    auto port = split(ports);
    const auto hosts = std::max(name.size(), address.size());
    if (!spread(name, hosts) || !spread(address, hosts) || !spread(port, hosts))
        return wrong("names several hosts, but not as many addresses or ports");
    for (std::size_t i = 0; i < hosts; ++i) {
        Host host{name[i], address[i], port[i].empty() ? "5432" : port[i]};
        if (host.name.empty() && host.address.empty()) return wrong("has an empty host name");
        dsn.hosts.push_back(std::move(host));
    }
    return dsn;
}

}  // namespace latchkey::postgres
