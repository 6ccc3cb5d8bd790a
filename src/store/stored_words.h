#pragma once

#include <string_view>

#include <latchkey/sealing_key.h>

#include "model/grant.h"
#include "store/event_store.h"
#include "store/flow_store.h"

/// The words that stand in the columns of every SQL adapter, so that a row means the same in all of
/// them. A grant's state has its own in model/grant.h.
namespace latchkey::stored {

const char* word(Role role);
/// Anything unknown counts as former: never used, never lost.
Role role_of(std::string_view word);

const char* word(FlowState state);
/// A word that nobody here writes counts as over.
FlowState flow_state_of(std::string_view word);

/// Of the words that `name` gives; anything unknown seals nothing.
KeyStage key_stage_of(std::string_view word);

/// Of the words that `name` gives; anything unknown counts as uncertain.
EventKind event_kind_of(std::string_view word);

}  // namespace latchkey::stored
