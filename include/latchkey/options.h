#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <latchkey/daily_reserve.h>
#include <latchkey/provider.h>
#include <latchkey/secret.h>

namespace latchkey {

/// Where the master key comes from. It wraps the sealing keys that lie in the store and is never
/// stored beside them.
struct MasterKeyFile {
    std::string path;     ///< 32 bytes as base64 or 64 hexadecimal digits; not readable by others
    bool create = false;  ///< make one (mode 0600) if the file is absent and the store is empty
};
struct MasterKeyBytes {
    Secret key;  ///< the same text, from the environment or a key service
};
using MasterKeySource = std::variant<MasterKeyFile, MasterKeyBytes>;

/// One record of the library's log. Values are printable and hold no secret.
struct LogRecord {
    std::string_view level;  ///< debug, info, warning, error
    std::string_view event;  ///< snake_case
    std::vector<std::pair<std::string_view, std::string_view>> fields;
};

/// One number of the library's work. Labels come from small sets: results, codes, provider names.
struct Measurement {
    std::string_view name;  ///< as in docs/operating/logs-and-metrics.md, without "latchkey_"
    std::vector<std::pair<std::string_view, std::string_view>> labels;
    std::optional<double> seconds;  ///< how long it took; absent: it happened once more
};

/// A PostgreSQL database that several nodes share, instead of a file of one node's own.
struct SharedDatabase {
    Secret dsn;  ///< libpq's connection string or URL; several hosts are dialled one at a time
    /// Several hosts, but commits that do not wait for a standby: a fail-over may forget some.
    bool accept_async_replication = false;
};

/// How the network is left, where not every way out is open. Salesforce's address lists see the
/// address of the last machine on the way.
struct Egress {
    /// "http://HOST:PORT" of an HTTP proxy that public hosts are reached through with CONNECT; it
    /// sees host names, no paths and no tokens. Loopback login URLs are reached without it. Empty:
    /// none.
    std::string proxy_url;
    std::optional<Secret> proxy_login;  ///< "user:password" for it
    /// Numeric address of this machine that outgoing connections come from. Empty: the system's choice.
    std::string source_address;
};

struct Options {
    /// Path of the SQLite database; made with mode 0600, its directory with 0700, if absent. One
    /// process at a time may have it open.
    std::string database;
    /// Set: `database` stays empty, and `journal_directory` must name a place of this node's own.
    std::optional<SharedDatabase> shared_database;
    /// Directory of this node's journal, where the answers of token endpoints lie before anybody reads
    /// them; made with mode 0700 if absent. It belongs to one node of one installation, on a local disk
    /// that outlives the process. Empty: beside `database`, with ".journal" behind its name.
    std::string journal_directory;
    MasterKeySource master_key;
    std::vector<Provider> providers;
    /// More certificate authorities (PEM) to trust beside the system's; empty: none.
    std::string ca_file;
    /// What is kept of an org's daily API calls for API keys of higher priority; of a server's
    /// callers alone, the program's own calls are never refused for it.
    DailyReserve daily_reserve;
    Egress egress;
    /// Called from threads of the library, and from the caller's while it opens; one call at a time.
    /// Must not block. Empty: no log.
    std::function<void(const LogRecord&)> log;
    /// Like `log`, for numbers. Empty: nothing is counted.
    std::function<void(const Measurement&)> measure;
    /// Where the library's tasks run. Absent: a thread of its own, ended by the destructor. A program
    /// that gives its own loop runs it with one thread and uses the async_ forms only. The destructor
    /// then hands the closing to that loop, which has no work of ours left when it is done: let it run
    /// until it returns. The loop must outlive the Latchkey.
    boost::asio::io_context* loop = nullptr;
};

}  // namespace latchkey
