#pragma once

#include <string>

#include <latchkey/latchkey.h>

#include "service/config.h"
#include "service/run.h"

namespace latchkey::service {

/// The configuration of `--dev`: one provider `salesforce` with the emulator's built-in client, all
/// files below the data directory, loopback listeners only. Starts an emulator on `loop` if no
/// provider URL was given, and hands it to `emulator`.
/// errors  misconfigured  dev_needs_loopback, config_invalid
Result<Config> dev_config(const ServerArguments& arguments, boost::asio::io_context& loop, Log& log,
                          const StartEmulator& start_emulator, std::shared_ptr<void>& emulator);

/// Makes sure that DATA/admin-key (mode 0600) holds a key with every permission that this store
/// accepts. returns an error with an empty code when all is well
Async<Error> ensure_admin_key(Latchkey& library, std::string data);

}  // namespace latchkey::service
