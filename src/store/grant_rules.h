#pragma once

#include <optional>

#include "model/grant.h"
#include "store/event_store.h"
#include "store/grant_store.h"

/// What each call of GrantStore makes of a row: plain functions that every adapter runs inside its
/// transaction, between reading the row and writing it back. `present` is the store's timeline.
/// Errors are those of grant_store.h.
namespace latchkey::grant_rules {

Result<GrantRow> claim(GrantRow row, GrantGeneration seen, AttemptId attempt, NodeId node,
                       const Timeline& present);
Result<GrantRow> settle(GrantRow row, const Settlement& outcome, const Timeline& present);
Result<GrantRow> move(GrantRow row, const Move& change, const Timeline& present);
Result<GrantRow> take_resolution(GrantRow row, const Resolving& wish);
Result<GrantRow> refuse(GrantRow candidate, const std::string& reason);
GrantRow begin_revocation(GrantRow row);

/// The rows that a promotion changes.
struct Promotion {
    GrantRow promoted;
    std::optional<GrantRow> former;
    std::optional<State> former_state;  ///< what `former` was in before
};
Result<Promotion> promote(GrantRow candidate, std::optional<GrantRow> current,
                          const Connection& facts, Generation seen, Sealed access_token);

/// The event that a row's change raises, if it raises one; number and time are the adapter's.
/// Only a current grant raises any. A row that is IN_FLIGHT for a recorded second use has been in
/// doubt all the time; one that is suspect for the database's sake still works for its app, which
/// hears of it only if it turns out to be over.
std::optional<ConnectionEvent> event_of(const GrantRow& before, const GrantRow& after);
/// A new consent ends whatever the former grant's trouble was.
std::optional<ConnectionEvent> event_of(const Promotion& made);

/// Whether `row` is one that GrantStore::due and GrantStore::suspects look at.
bool may_be_refreshed(const GrantRow& row);
bool is_due(const GrantRow& row, const DueBy& when);

/// Whether a settlement brought tokens that came to stay: then the connection was refreshed.
bool brings_tokens(const Settlement& outcome);

/// A connection as people see it: the kept plain columns, and what follows from the current grant.
Connection shown(Connection kept, const GrantRow& current);

}  // namespace latchkey::grant_rules
