#pragma once

#include <string>
#include <string_view>

#include "crypto/key_ring.h"
#include "store/journal.h"
#include "store/store.h"

namespace latchkey {

/// What each sealed value is bound to: table, column, installation, tenant, and the one place in
/// that column that it belongs to.
class Bindings {
public:
    explicit Bindings(std::string installation) : installation_(std::move(installation)) {}

    Binding refresh_token(const GrantKey& key, GrantGeneration generation) const;
    Binding access_token(const GrantKey& key, Generation generation) const;
    /// An answer: its attempt, or its flow, makes it one of a kind.
    Binding answer(const JournalRecord& record) const;
    Binding flow(const FlowId& flow, std::string_view column) const;
    Binding sealing_key(std::string_view id) const;

private:
    Binding place(std::string_view table, std::string_view column) const;
    std::string installation_;
};

}  // namespace latchkey
