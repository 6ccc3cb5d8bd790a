#pragma once

#include <memory>

#include "store/session_store.h"
#include "store/sqlite/ports.h"

namespace latchkey::sqlite {

std::unique_ptr<SessionStore> make_sessions(Bench& bench);

}  // namespace latchkey::sqlite
