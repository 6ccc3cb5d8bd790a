#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/key_rules.h>

#include "cli/backend.h"
#include "cli/cli.h"
#include "cli/state.h"

namespace latchkey::cli {

struct LoginCommand {
    std::string instance_url = "https://login.salesforce.com";
    std::string client_id;
    std::string client_secret_file;
    std::string alias;
    std::vector<std::string> scopes;
    std::string connection;  ///< reconnect this one
    std::string login_hint;
    int port = 1717;
    int wait_s = 120;
    bool no_browser = false;
    bool json = false;
};
struct ConnectionCommand {
    std::string connection;  ///< id, alias or Salesforce user name; empty: the only one
    bool json = false;
};
struct LogoutCommand : ConnectionCommand {
    bool revoke = false;
    bool all = false;
};
struct QueryCommand : ConnectionCommand {
    std::string soql;
    bool bulk = false;  ///< as a bulk job; CSV, or with `json` a record a line
    bool csv = false;
    bool all_rows = false;  ///< deleted and archived records too
    bool progress = false;  ///< also where standard error is no terminal
};
struct ImportCommand : ConnectionCommand {
    std::string object;
    std::string file;  ///< "-" is standard input
    std::string operation = "insert";
    std::string external_id;
    std::string failed_file;  ///< takes what Salesforce refused
    int job_megabytes = 100;
    bool progress = false;
};
struct ApiCommand : ConnectionCommand {
    std::string path;
    std::string method = "GET";
    std::string body_file;  ///< "-" is standard input
    std::vector<std::string> headers;
    bool include = false;  ///< print status and header lines too
};
/// Where an operator's act takes place: the store of a stopped server, or the running one that
/// LATCHKEY_SERVER names (its operators' listener).
struct OperatorsCommand {
    std::string config_file;
    std::string data;  ///< a --dev server's folder
    bool json = false;
};
struct ApiKeysCommand : OperatorsCommand {
    std::string label;
    std::vector<std::string> permissions;
    std::vector<std::string> allow;
    std::vector<std::string> deny;
    KeyLimits limits;
    std::string priority = "normal";
    std::string id;
};
struct MasterKeyCommand : OperatorsCommand {
    std::string next_file;
};
struct KillSwitchCommand : OperatorsCommand {
    std::optional<std::string> provider;  ///< absent: all
    std::string reason;
    bool revoke = false;
    bool all = false;  ///< said on purpose
};

struct StoreCopyCommand {
    std::string from;  ///< configuration file of the stopped server
    std::string to;    ///< the same server's next one
    bool json = false;
};

struct RestoreCommand {
    std::string config_file;
    std::string data;  ///< a --dev server's folder
    bool mark = false;
    bool json = false;
};

struct JournalCommand {
    std::string directory;  ///< empty: that of the stopped server which the next two name
    std::string config_file;
    std::string data;  ///< a --dev server's folder
    bool json = false;
};

struct DoctorCommand {
    std::string instance_url = "https://test.salesforce.com";
    std::string client_id;
    std::string client_secret_file;
    std::vector<std::string> scopes;
    std::string login_hint;
    int port = 1717;
    int wait_s = 120;
    int grace_s = 60;
    bool approvals = false;
    bool no_browser = false;
    bool yes = false;
    bool json = false;
};

int login_web(const LoginCommand& command);
int doctor_rotation(const DoctorCommand& command);
int logout(const LogoutCommand& command);
int list(const ConnectionCommand& command);
int show(const ConnectionCommand& command);
int token(const ConnectionCommand& command);
int restore(const RestoreCommand& command, const FrontDoors& doors);
int copy(const StoreCopyCommand& command, const FrontDoors& doors);
int repair(const JournalCommand& command, const FrontDoors& doors);
int query(const QueryCommand& command);
int import_records(const ImportCommand& command);
int api(const ApiCommand& command);
int create_api_key(const ApiKeysCommand& command, const FrontDoors& doors);
int list_api_keys(const ApiKeysCommand& command, const FrontDoors& doors);
int revoke_api_key(const ApiKeysCommand& command, const FrontDoors& doors);
int list_sealing_keys(const OperatorsCommand& command, const FrontDoors& doors);
int change_sealing_key(const OperatorsCommand& command, const FrontDoors& doors);
int change_master_key(const MasterKeyCommand& command, const FrontDoors& doors);
int list_kill_switches(const OperatorsCommand& command, const FrontDoors& doors);
int turn_on_kill_switch(const KillSwitchCommand& command, const FrontDoors& doors);
int turn_off_kill_switch(const KillSwitchCommand& command, const FrontDoors& doors);

/// The client, where none was named: at a loopback host the emulator's.
/// errors  bad_input client_id_required
Result<std::string> client_for(const std::string& instance_url, const std::string& client_id);
/// Prints the address on standard error and, unless told otherwise, starts a browser on it.
void show_login(const std::string& what, const std::string& url, bool print_only);
/// How a stopped server opens its store: that of a configuration file, or of a --dev server's folder.
Result<Options> stopped_store(const std::string& config_file, const std::string& data,
                              const FrontDoors& doors);
/// The server named by LATCHKEY_SERVER and LATCHKEY_API_KEY_FILE, else this user's own store.
Result<std::unique_ptr<Backend>> open_backend();
/// errors  those of Latchkey::open, of the configuration and of ServerClient
Result<std::unique_ptr<Backend>> open_operators(const OperatorsCommand& command,
                                                const FrontDoors& doors);
/// A connection by id, alias or Salesforce user name; the only one if `name` is empty.
/// errors  not_found connection_not_found · bad_input connection_required
Result<ConnectionId> choose(Backend& backend, const std::string& name);

}  // namespace latchkey::cli
