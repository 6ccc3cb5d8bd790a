#pragma once

#include <memory>

#include "store/memory/gate.h"
#include "store/session_store.h"

namespace latchkey::memory {

std::unique_ptr<SessionStore> make_sessions(Gatekeeper& state);

}  // namespace latchkey::memory
