#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include <latchkey/error.h>

#include "base/log.h"

namespace latchkey::service {

/// What `latchkey server` is started with.
struct ServerArguments {
    std::string config_file;
    bool config_test = false;  ///< check everything, start nothing
    bool dev = false;
    std::string data = "./var";               ///< dev: where all files lie
    std::optional<std::string> provider_url;  ///< dev: an emulator or server to log in at
    std::optional<std::string> listen;
    std::optional<std::string> operators_listen;
    std::optional<std::string> public_url;
    bool verbose = false;
};

/// An emulator that runs as long as `keep` is held; it must be let go before its loop.
struct RunningEmulator {
    std::string url;
    std::shared_ptr<void> keep;
};
/// Starts an emulator on this loop; handed in by the one file that knows it.
using StartEmulator = std::function<Result<RunningEmulator>(boost::asio::io_context&, Log&)>;

/// Runs until SIGTERM or SIGINT. Prints one JSON line on standard output when ready; everything else
/// goes to standard error.
/// returns  0 after a stop; 78 for a refused configuration; 1 for another failure to start
int run_server(const ServerArguments& arguments, const StartEmulator& start_emulator);

}  // namespace latchkey::service
