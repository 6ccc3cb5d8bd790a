#include <csignal>
#include <iostream>
#include <memory>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>

#include "base/clock.h"
#include "cli/cli.h"
#include "emulator/emulator.h"
#include "service/config.h"
#include "service/json_log.h"
#include "service/run.h"

namespace latchkey {
namespace {

constexpr int refused_configuration = 78;

int complain(const char* who, const Error& error) {
    std::cerr << "latchkey " << who << ": " << error.message << "\n";
    return refused_configuration;
}

Async<void> stop_on_signal(boost::asio::io_context& loop, emulator::Emulator& running) {
    boost::asio::basic_signal_set<Executor> signals{loop.get_executor(), SIGINT, SIGTERM};
    co_await signals.async_wait(use_task);
    co_await running.stop(Deadline::in(std::chrono::seconds{5}));
    loop.stop();
}

int run_emulator(const cli::EmulatorCommand& command) {
    auto address = parse_listen_address(command.listen);
    if (!address) return complain("emulator", address.error());
    service::JsonLog log{command.verbose ? Level::debug : Level::warning};
    SystemClock clock;
    boost::asio::io_context loop{1};
    emulator::Options options;
    options.host = address->host;
    options.port = address->port;
    options.seed = command.seed;
    options.state_file = command.state;
    options.rotation = command.rotation;
    options.pkce_required = command.pkce_required;
    emulator::Emulator running{loop, std::move(options), clock, log};
    if (command.print_config) {
        std::cout << running.config_json() << "\n";
        return 0;
    }
    if (const auto port = running.start(); !port) return complain("emulator", port.error());
    boost::asio::co_spawn(loop, stop_on_signal(loop, running), boost::asio::detached);
    // {"ready": true, "url": ..., and everything that --print-config prints}
    auto config = running.config_json();
    std::cout << "{\"ready\": true, " << config.substr(config.find('{') + 1) << std::endl;
    loop.run();
    return 0;
}

int run_server(const cli::ServerCommand& command) {
    service::ServerArguments arguments;
    arguments.config_file = command.config_file;
    arguments.config_test = command.config_test;
    arguments.dev = command.dev;
    arguments.data = command.data;
    arguments.provider_url = command.provider_url;
    arguments.listen = command.listen;
    arguments.operators_listen = command.operators_listen;
    arguments.public_url = command.public_url;
    arguments.verbose = command.verbose;

    SystemClock clock;
    const auto start_emulator = [&](boost::asio::io_context& loop,
                                    Log& log) -> Result<service::RunningEmulator> {
        emulator::Options options;
        options.port = 0;
        options.state_file = command.data + "/emulator.json";
        auto own = std::make_shared<emulator::Emulator>(loop, std::move(options), clock, log);
        if (const auto port = own->start(); !port) return port.error();
        auto url = own->url();
        return service::RunningEmulator{std::move(url), std::move(own)};
    };
    return service::run_server(arguments, start_emulator);
}

Result<Options> server_options(const std::string& config_file) {
    service::ConfigSources sources;
    sources.environment = service::latchkey_environment();
    if (!config_file.empty()) {
        auto text = service::read_small_file(config_file, false);
        if (!text) return text.error();
        sources.file_name = config_file;
        sources.file_text = std::move(*text);
    }
    auto config = service::load_config(sources);
    if (!config) return config.error();
    Options options;
    options.database = config->database;
    options.shared_database = config->shared_database;
    options.journal_directory = config->journal_directory;
    options.master_key = config->master_key;
    options.providers = config->providers;
    options.ca_file = config->ca_file;
    options.egress = config->egress;
    return options;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) {
    latchkey::cli::FrontDoors doors;
    doors.server = latchkey::run_server;
    doors.emulator = latchkey::run_emulator;
    doors.server_options = latchkey::server_options;
    return latchkey::cli::run(argc, argv, doors);
}
