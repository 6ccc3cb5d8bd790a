#pragma once

#include <latchkey/error.h>
#include <latchkey/secret.h>

namespace latchkey {

/// Whether a shared database's connection string can be read, without connecting.
/// errors  misconfigured store_dsn; the string is not in the message
Result<void> check_store_dsn(const Secret& dsn);

}  // namespace latchkey
