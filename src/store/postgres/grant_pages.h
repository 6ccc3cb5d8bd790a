#pragma once

#include <string>
#include <vector>

#include "store/grant_store.h"
#include "store/postgres/pool.h"

namespace latchkey::postgres {

// The statements over many grants. GrantStore says what each page holds.

Query grants_in_state(State wanted, const GrantKey& after, std::size_t limit);
Query grants_due(const DueBy& when, const GrantKey& after, std::size_t limit);
Query suspect_grants(const GrantKey& after, std::size_t limit);
Query grants_sealed_otherwise(const std::string& header, const GrantKey& after, std::size_t limit);
Query count_suspects();
Task<std::vector<GrantRow>> read_page(Pool& pool, Query page, Deadline by);

/// Returns one row with the number of grants removed.
Query forget_grants(WallTime before);

}  // namespace latchkey::postgres
