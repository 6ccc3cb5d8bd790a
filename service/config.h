#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/options.h>
#include <latchkey/provider.h>

#include "net/http_server.h"
#include "net/listen_address.h"

namespace latchkey::service {

/// Everything `latchkey server` is told, checked.
struct Config {
    std::string public_url;  ///< origin of all links; no closing slash
    ListenAddress listen{"127.0.0.1", 8717};
    ListenAddress operators_listen{"127.0.0.1", 8718};
    std::optional<ServerTls> tls;  ///< of the public listener
    int event_loops = 1;           ///< that serve the public listener
    std::string database;
    std::optional<SharedDatabase> shared_database;  ///< instead of `database`
    std::string journal_directory;
    MasterKeySource master_key;
    std::vector<Provider> providers;
    std::string ca_file;
    DailyReserve daily_reserve;
    Egress egress;
};

/// Where settings come from, the strongest first.
struct ConfigSources {
    std::map<std::string, std::string> flags;        ///< by key: "server.listen"
    std::map<std::string, std::string> environment;  ///< whole names: "LATCHKEY_SERVER_LISTEN"
    std::string file_name;                           ///< for messages; empty: no file
    std::string file_text;                           ///< TOML
};

/// Reads all sources and checks every value. Unknown keys are errors, with the nearest known name.
/// Secrets may stand as `KEY` or in a file named by `KEY_file`; a secret's file must not be readable
/// by group or others.
/// errors  misconfigured config_invalid: the message has one line a problem, each with its place
///                       (FILE:LINE, a variable's name, a flag) and what is allowed
Result<Config> load_config(const ConfigSources& sources);

/// The process's environment, LATCHKEY_ variables only.
std::map<std::string, std::string> latchkey_environment();

/// The contents of a small file (64 KiB) without its last line end.
/// errors  misconfigured  file_unreadable, file_not_private (with `secret`: readable by others)
Result<std::string> read_small_file(const std::string& path, bool secret);

}  // namespace latchkey::service
