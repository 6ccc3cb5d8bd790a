#include "cli/cli.h"

#include <CLI/CLI.hpp>

#include "cli/acts.h"

namespace latchkey::cli {
namespace {

constexpr int wrong_usage = 2;

void connection_options(CLI::App* command, ConnectionCommand& into) {
    command->add_option(
        "-o,--username", into.connection,
        "Connection: its id, alias or Salesforce user name (default: the only one)");
    command->add_flag("--json", into.json, "Print JSON");
}

void operators_options(CLI::App* command, OperatorsCommand& into) {
    command->add_option("--config", into.config_file,
                        "Configuration file of the stopped server, whose store is opened");
    command->add_option("--data", into.data, "Folder of a stopped `server --dev`");
    command->add_flag("--json", into.json, "Print JSON");
}

CLI::Option* on_off(CLI::App* command, const char* name, bool& into, const char* on,
                    const char* off, const char* help) {
    return command
        ->add_option_function<std::string>(
            name, [&into, on](const std::string& value) { into = value == on; }, help)
        ->check(CLI::IsMember({on, off}));
}

}  // namespace

int run(int argc, char** argv, const FrontDoors& doors) {
    CLI::App app{
        "Keeps the key of a Salesforce integration: connects users, keeps their grants "
        "alive, and calls the API with them."};
    app.name("latchkey");
    app.require_subcommand(1);
    app.set_version_flag("--version", LATCHKEY_VERSION);
    app.footer(
        "Talk to a server instead of this user's own store by setting LATCHKEY_SERVER and "
        "LATCHKEY_API_KEY_FILE.\nExit status: 0 done, 1 failed, 2 wrong usage, 3 connect "
        "again, 78 refused configuration.");
    int status = 0;

    ServerCommand server;
    auto* serve = app.add_subcommand("server", "Run the server");
    serve->add_option("--config", server.config_file, "Configuration file (TOML)");
    serve->add_flag("--config-test", server.config_test, "Check the configuration and exit");
    serve->add_flag("--dev", server.dev, "Loopback server with an emulator; needs no file");
    serve->add_option("--data", server.data, "Folder of --dev's files")->capture_default_str();
    serve->add_option("--provider-url", server.provider_url, "With --dev: where users log in");
    serve->add_option("--listen", server.listen,
                      "Public listener, HOST:PORT; port 0 takes a free one");
    serve->add_option("--operators-listen", server.operators_listen, "Operators' listener");
    serve->add_option("--public-url", server.public_url, "Origin under which browsers reach it");
    serve->add_flag("--verbose", server.verbose, "Log every request");
    serve->callback([&] { status = doors.server(server); });

    EmulatorCommand emulator;
    auto* emulate = app.add_subcommand("emulator", "Run a Salesforce for tests");
    emulate->add_option("--listen", emulator.listen, "HOST:PORT; port 0 takes a free one")
        ->capture_default_str();
    emulate->add_option("--seed", emulator.seed, "Same seed, same ids and tokens")
        ->capture_default_str();
    emulate->add_option("--state", emulator.state, "File that keeps its state across restarts");
    on_off(emulate, "--rotation", emulator.rotation, "on", "off",
           "Refresh token rotation of every client (default: on)");
    on_off(emulate, "--pkce", emulator.pkce_required, "required", "optional",
           "PKCE of every client (default: required)");
    emulate->add_flag("--print-config", emulator.print_config,
                      "Print URLs, clients and users as JSON and exit");
    emulate->add_flag("--verbose", emulator.verbose, "Log every request");
    emulate->callback([&] { status = doors.emulator(emulator); });

    auto* log_in = app.add_subcommand("login", "Connect a Salesforce user");
    log_in->require_subcommand(1);
    LoginCommand login;
    auto* web = log_in->add_subcommand("web", "Log in with a browser on this machine");
    web->add_option("-r,--instance-url", login.instance_url, "Where to log in")
        ->capture_default_str();
    web->add_option("-i,--client-id", login.client_id,
                    "Consumer key of your app; optional where the host is loopback");
    web->add_option("--client-secret-file", login.client_secret_file,
                    "File with the consumer secret (mode 0600); read at each use");
    web->add_option("-a,--alias", login.alias, "Name for the connection");
    web->add_option("--scopes", login.scopes, "OAuth scopes (default: api refresh_token id)")
        ->delimiter(' ');
    web->add_option("--reconnect", login.connection, "Connect this connection (id or alias) again");
    web->add_option("--login-hint", login.login_hint, "User name to fill in");
    web->add_option("--port", login.port, "Loopback port of the callback")
        ->capture_default_str()
        ->check(CLI::Range(1, 65535));
    web->add_option("--wait", login.wait_s, "Seconds to wait for the person")
        ->capture_default_str()
        ->check(CLI::Range(1, 3600));
    web->add_flag("--no-browser", login.no_browser, "Print the address only");
    web->add_flag("--json", login.json, "Print JSON");
    web->callback([&] { status = login_web(login); });

    LogoutCommand leaving;
    auto* log_out = app.add_subcommand("logout", "Revoke a connection at Salesforce and forget it");
    connection_options(log_out, leaving);
    log_out->add_flag("--revoke", leaving.revoke, "The default; accepted for scripts");
    log_out->add_flag("--all", leaving.all, "Every connection");
    log_out->callback([&] { status = logout(leaving); });

    ConnectionCommand listing, showing, asking;
    auto* all = app.add_subcommand("list", "List connections");
    all->add_flag("--json", listing.json, "Print JSON");
    all->callback([&] { status = list(listing); });
    auto* one = app.add_subcommand("show", "Show one connection");
    connection_options(one, showing);
    one->callback([&] { status = show(showing); });
    auto* vend = app.add_subcommand("token", "Print a fresh access token");
    connection_options(vend, asking);
    vend->callback([&] { status = token(asking); });

    QueryCommand question;
    auto* ask = app.add_subcommand("query", "Run a SOQL query");
    ask->add_option("soql", question.soql, "SOQL")->required();
    ask->add_flag("--bulk", question.bulk,
                  "As a bulk job, for many rows: prints CSV, or with --json a row a line");
    auto* as_csv = ask->add_flag("--csv", question.csv, "Print CSV");
    ask->add_flag("--all-rows", question.all_rows, "Deleted and archived records too");
    ask->add_flag("--progress", question.progress,
                  "With --bulk or --csv: tell how far it is, also where nobody watches");
    connection_options(ask, question);
    as_csv->excludes("--json");
    ask->callback([&] { status = query(question); });

    ImportCommand importing;
    auto* bulk = app.add_subcommand("bulk", "Records in millions");
    bulk->require_subcommand(1);
    auto* import = bulk->add_subcommand("import", "Load the records of a CSV file");
    import->add_option("object", importing.object, "API name, such as Account")->required();
    import
        ->add_option("file", importing.file,
                     "CSV whose first line names the fields; - is standard input")
        ->required();
    import->add_option("--operation", importing.operation, "What to do with each record")
        ->capture_default_str()
        ->check(CLI::IsMember({"insert", "update", "upsert", "delete", "hardDelete"}));
    import->add_option("--external-id", importing.external_id,
                       "Field by which an upsert finds its records");
    import->add_option("--failed", importing.failed_file,
                       "New CSV file for the records that Salesforce refused, with its reasons");
    import
        ->add_option("--job-size", importing.job_megabytes,
                     "Megabytes of CSV a job, which are held in memory")
        ->capture_default_str()
        ->check(CLI::Range(1, 100));
    import->add_flag("--progress", importing.progress,
                     "Tell how far it is, also where nobody watches");
    connection_options(import, importing);
    import->callback([&] { status = import_records(importing); });

    ApiCommand calling;
    auto* call = app.add_subcommand("api", "Call the REST API");
    call->add_option("path", calling.path, "Path and query, such as /services/data/v68.0/limits")
        ->required();
    call->add_option("-X,--method", calling.method, "HTTP method")->capture_default_str();
    call->add_option("--body", calling.body_file, "File with the body; - is standard input");
    call->add_option("-H,--header", calling.headers, "Header line \"Name: value\"");
    call->add_flag("-i,--include", calling.include, "Print status and header lines too");
    connection_options(call, calling);
    call->callback([&] { status = api(calling); });

    auto* keys = app.add_subcommand("apikeys", "API keys of a server's callers");
    keys->require_subcommand(1);
    ApiKeysCommand making, listing_keys, ending;
    auto* create = keys->add_subcommand("create", "Make a key and print it once");
    create->add_option("--label", making.label, "What it is for");
    create->add_option("--permission", making.permissions,
                       "connect, read, token, proxy or admin; repeatable (default: proxy)");
    create->add_option("--deny", making.deny,
                       "Rule on calls, such as 'DELETE /services/**'; looked at before every "
                       "--allow; repeatable");
    create->add_option(
        "--allow", making.allow,
        "Rule on calls, such as 'GET,POST /services/data/*/query*'; with rules, what "
        "none of them fits is refused; repeatable");
    create->add_option("--rate", making.limits.rate, "Calls a second, on each node");
    create->add_option("--burst", making.limits.burst,
                       "Calls of the rate that may come at once (default: as many as the rate)");
    create->add_option("--concurrency", making.limits.concurrency,
                       "Calls under way at once, on each node");
    create
        ->add_option("--priority", making.priority,
                     "high, normal or low: who is let go first when an org's daily calls run short")
        ->capture_default_str();
    operators_options(create, making);
    create->callback([&] { status = create_api_key(making, doors); });
    auto* list_keys = keys->add_subcommand("list", "List keys");
    operators_options(list_keys, listing_keys);
    list_keys->callback([&] { status = list_api_keys(listing_keys, doors); });
    auto* end_key = keys->add_subcommand("revoke", "End a key");
    end_key->add_option("id", ending.id, "The part between lk_ and the secret")->required();
    operators_options(end_key, ending);
    end_key->callback([&] { status = revoke_api_key(ending, doors); });

    auto* sealing = app.add_subcommand("keys", "Keys that tokens are sealed with at rest");
    sealing->require_subcommand(1);
    OperatorsCommand listing_sealing, changing_sealing;
    MasterKeyCommand changing_master;
    auto* list_sealing =
        sealing->add_subcommand("list", "List them, and how many tokens each seals");
    operators_options(list_sealing, listing_sealing);
    list_sealing->callback([&] { status = list_sealing_keys(listing_sealing, doors); });
    auto* change = sealing->add_subcommand("change", "Add a new one and seal everything with it");
    operators_options(change, changing_sealing);
    change->callback([&] { status = change_sealing_key(changing_sealing, doors); });
    auto* change_master = sealing->add_subcommand(
        "change-master", "Seal them under another master key (this server must be stopped)");
    change_master
        ->add_option("--to", changing_master.next_file,
                     "File with the next master key; made if there is none")
        ->required();
    operators_options(change_master, changing_master);
    change_master->callback([&] { status = change_master_key(changing_master, doors); });

    auto* stopping = app.add_subcommand("kill-switch", "Stop all use of connections at once");
    stopping->require_subcommand(1);
    OperatorsCommand listing_switches;
    KillSwitchCommand turning_on, turning_off;
    auto* list_switches = stopping->add_subcommand("list", "List what is stopped");
    operators_options(list_switches, listing_switches);
    list_switches->callback([&] { status = list_kill_switches(listing_switches, doors); });
    auto* turn_on = stopping->add_subcommand("on", "Stop now: no token, no call, no refresh");
    turn_on->add_option("--provider", turning_on.provider, "Only its connections (default: all)");
    turn_on->add_flag("--all", turning_on.all, "Every connection; has to be said with --revoke");
    turn_on->add_option("--reason", turning_on.reason, "Shown to whoever is stopped");
    turn_on->add_flag("--revoke", turning_on.revoke,
                      "Revoke the connections at Salesforce too, for good");
    operators_options(turn_on, turning_on);
    turn_on->callback([&] { status = turn_on_kill_switch(turning_on, doors); });
    auto* turn_off = stopping->add_subcommand("off", "Let it go on");
    turn_off->add_option("--provider", turning_off.provider, "As it was turned on");
    operators_options(turn_off, turning_off);
    turn_off->callback([&] { status = turn_off_kill_switch(turning_off, doors); });

    RestoreCommand restoring;
    auto* put_back = app.add_subcommand("restore", "After a backup was put in a store's place");
    put_back->add_flag(
        "--mark", restoring.mark,
        "Mark the stopped server's store as restored, so that no spent token is used");
    put_back->add_option("--config", restoring.config_file, "Configuration file of the server");
    put_back->add_option("--data", restoring.data, "Folder of a --dev server");
    put_back->add_flag("--json", restoring.json, "Print JSON");
    put_back->callback([&] { status = restore(restoring, doors); });

    StoreCopyCommand moving;
    auto* store = app.add_subcommand("store", "The store of a stopped server");
    store->require_subcommand(1);
    auto* move = store->add_subcommand(
        "copy", "Move the connections of a SQLite file to a PostgreSQL database");
    move->add_option("--from", moving.from, "Configuration file with store.path")->required();
    move->add_option("--to", moving.to, "Configuration file with store.dsn_file")->required();
    move->add_flag("--json", moving.json, "Print JSON");
    move->callback([&] { status = copy(moving, doors); });

    JournalCommand mending;
    auto* journal = app.add_subcommand("journal", "The journal of a stopped node");
    journal->require_subcommand(1);
    auto* mend = journal->add_subcommand(
        "repair", "After journal_damaged: keep every intact entry and set the rest aside");
    auto* place = mend->add_option("directory", mending.directory, "The journal's directory");
    mend->add_option("--config", mending.config_file, "Configuration file of the stopped server")
        ->excludes(place);
    mend->add_option("--data", mending.data, "Folder of a stopped --dev server")->excludes(place);
    mend->add_flag("--json", mending.json, "Print JSON");
    mend->callback([&] { status = repair(mending, doors); });

    auto* doctor = app.add_subcommand("doctor", "Find out what is the matter");
    doctor->require_subcommand(1);
    DoctorCommand probing;
    auto* rotation = doctor->add_subcommand(
        "rotation",
        "Spend grants of a user made for it, to see what an org does with refresh tokens");
    rotation->add_option("-r,--instance-url", probing.instance_url, "Where to log in: a sandbox")
        ->capture_default_str();
    rotation->add_option("-i,--client-id", probing.client_id,
                         "Consumer key of your app; optional where the host is loopback");
    rotation->add_option("--client-secret-file", probing.client_secret_file,
                         "File with the consumer secret (mode 0600)");
    rotation->add_option("--scopes", probing.scopes, "OAuth scopes (default: api refresh_token id)")
        ->delimiter(' ');
    rotation->add_option("--login-hint", probing.login_hint, "User name to fill in");
    rotation->add_option("--port", probing.port, "Loopback port of the callback")
        ->capture_default_str()
        ->check(CLI::Range(1, 65535));
    rotation->add_option("--wait", probing.wait_s, "Seconds to wait for the person, each time")
        ->capture_default_str()
        ->check(CLI::Range(1, 3600));
    rotation
        ->add_option("--grace", probing.grace_s,
                     "Seconds after which a spent token that was accepted is tried again")
        ->capture_default_str()
        ->check(CLI::Range(1, 3600));
    rotation->add_flag("--approvals", probing.approvals,
                       "Log in until the oldest grant ends, about five times more");
    rotation->add_flag("--no-browser", probing.no_browser, "Print the addresses only");
    rotation->add_flag("--yes", probing.yes, "Do not ask before grants are spent");
    rotation->add_flag("--json", probing.json, "Print JSON");
    rotation->callback([&] { status = doctor_rotation(probing); });

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : wrong_usage;
    }
    return status;
}

}  // namespace latchkey::cli
