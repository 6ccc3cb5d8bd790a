#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/secret.h>

namespace latchkey::postgres {

/// One server that a connection string names.
struct Host {
    std::string name;     ///< a host name, or the folder of a Unix socket
    std::string address;  ///< a numeric address where the string gives one (hostaddr)
    std::string port;     ///< "5432" unless given
    /// For messages and logs: "db1:5432".
    std::string shown() const;
    bool local() const { return name.starts_with('/') || name.starts_with('@'); }
};

/// A libpq connection string taken apart, because libpq's asynchronous mode never gets past a first
/// host that is frozen: each host is dialled by us.
struct Dsn {
    std::vector<Host> hosts;
    /// Every other setting, the password among them.
    std::vector<std::pair<std::string, Secret>> settings;
    std::string database;  ///< its name, which is among the settings too
    /// For messages and notes: "db1:5432,db2:5432/latchkey".
    std::string shown() const;
};

/// Reads "host=db1,db2 port=5432 dbname=latchkey user=latchkey" or "postgresql://...".
/// errors  misconfigured store_dsn: what is wrong, without a word of the string itself
Result<Dsn> parse_dsn(const Secret& text);

}  // namespace latchkey::postgres
