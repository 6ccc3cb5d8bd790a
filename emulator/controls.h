#pragma once

#include "emulator/world.h"
#include "net/http_server.h"

namespace latchkey::emulator {

/// What tests ask of the emulator, below /__emulator/. Only from this machine: whoever may use it
/// reads every secret and ends every session.
///
///     GET ledger, clients, faults, clock  ·  POST clock, sessions/expire, clients, faults, reset
///     DELETE faults
///
/// Answers 200 with the resulting object; 400 {"error", "message"} for a field or value it does not
/// know, 403 for a peer from elsewhere, 404 for an unknown control, 405 for another method.
Reply control(World& world, const Visit& visit);

}  // namespace latchkey::emulator
