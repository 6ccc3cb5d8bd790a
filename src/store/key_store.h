#pragma once

#include <optional>
#include <string>
#include <vector>

#include <latchkey/time.h>

#include "base/async.h"
#include "model/grant.h"

namespace latchkey {

/// A sealing key, itself sealed under the master key.
struct SealedKey {
    std::string id;  ///< 8 hexadecimal digits, part of everything sealed with it
    Sealed key;
    WallTime created_at{};
};

/// Facts of the installation that are not secret.
struct Installation {
    std::string id;  ///< random, from the first start; part of all associated data
    std::int64_t incarnation = 1;
};

class KeyStore {
public:
    virtual ~KeyStore() = default;
    virtual Task<Installation> installation(Deadline by) = 0;
    /// Oldest first.
    virtual Task<std::vector<SealedKey>> all(Deadline by) = 0;
    /// errors  conflict key_exists
    virtual Task<void> add(SealedKey key, Deadline by) = 0;
    /// True if the store holds no grant, flow or API key: only then may a first
    /// sealing key be made.
    virtual Task<bool> empty(Deadline by) = 0;
};

}  // namespace latchkey
