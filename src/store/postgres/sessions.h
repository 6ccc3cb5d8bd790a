#pragma once

#include <memory>

#include "store/postgres/ports.h"
#include "store/session_store.h"

namespace latchkey::postgres {

std::unique_ptr<SessionStore> make_sessions(Bench& bench);

}  // namespace latchkey::postgres
