#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <latchkey/error.h>
#include <latchkey/options.h>

namespace latchkey::cli {

struct ServerCommand {
    std::string config_file;
    bool config_test = false;
    bool dev = false;
    std::string data = "./var";
    std::optional<std::string> provider_url;
    std::optional<std::string> listen;
    std::optional<std::string> operators_listen;
    std::optional<std::string> public_url;
    bool verbose = false;
};

struct EmulatorCommand {
    std::string listen = "127.0.0.1:8788";
    std::uint64_t seed = 1;
    std::string state;
    bool rotation = true;
    bool pkce_required = true;
    bool print_config = false;
    bool verbose = false;
};

/// What stands behind the commands that this room does not do itself; the one file that knows all
/// rooms hands it in.
struct FrontDoors {
    std::function<int(const ServerCommand&)> server;
    std::function<int(const EmulatorCommand&)> emulator;
    /// How the server of a configuration file (empty: the environment alone) opens its store.
    std::function<Result<Options>(const std::string& config_file)> server_options;
};

/// Exit status: 0 done, 1 failed, 2 wrong usage, 3 the connection must be connected again,
/// 78 refused configuration (server).
int run(int argc, char** argv, const FrontDoors& doors);

}  // namespace latchkey::cli
