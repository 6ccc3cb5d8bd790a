#pragma once

#include <span>

namespace latchkey::postgres {

/// Every step of the schema's history, the first at first; each a script of several statements.
std::span<const char* const> schema_steps();

}  // namespace latchkey::postgres
