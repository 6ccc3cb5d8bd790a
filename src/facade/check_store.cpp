#include "facade/check_store.h"

#include "store/postgres/dsn.h"

namespace latchkey {

Result<void> check_store_dsn(const Secret& dsn) {
    const auto parsed = postgres::parse_dsn(dsn);
    if (!parsed) return parsed.error();
    return {};
}

}  // namespace latchkey
