#pragma once

#include <optional>

#include "store/grant_rules.h"
#include "store/postgres/query.h"

namespace latchkey::postgres {

/// A candidate becomes the current grant, the one before a former one, and the connection's plain
/// columns are written: all of it or nothing.
struct PromotionChange {
    GrantRow candidate;               ///< as it was read
    std::optional<GrantRow> current;  ///< likewise
    grant_rules::Promotion made;
    Connection facts;
    PromotionChange(GrantRow c, std::optional<GrantRow> before, grant_rules::Promotion after,
                    Connection plain)
        : candidate(std::move(c)),
          current(std::move(before)),
          made(std::move(after)),
          facts(std::move(plain)) {}
};

/// Returns one row if it fitted; is refused, and changed nothing, if it did not.
Query promote_grant(const PromotionChange& change, WallTime now);

}  // namespace latchkey::postgres
