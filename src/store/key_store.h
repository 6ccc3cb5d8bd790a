#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <latchkey/sealing_key.h>
#include <latchkey/time.h>

#include "base/async.h"
#include "model/grant.h"

namespace latchkey {

/// A sealing key, itself sealed under the master key.
struct SealedKey {
    std::string id;  ///< 8 hexadecimal digits, part of everything sealed with it
    Sealed key;
    WallTime created_at{};
    KeyStage stage = KeyStage::in_use;
};

/// Facts of the installation that are not secret.
struct Installation {
    std::string id;  ///< random, from the first start; part of all associated data
    std::int64_t incarnation = 1;
};

/// The tokens of one grant, the very same, sealed anew. It fits only a row that still holds exactly
/// the former ones.
struct SealChange {
    GrantKey key;
    std::optional<Sealed> former_refresh_token;
    std::optional<Sealed> former_access_token;
    std::optional<Sealed> refresh_token;
    std::optional<Sealed> access_token;
};

class KeyStore {
public:
    virtual ~KeyStore() = default;
    virtual Task<Installation> installation(Deadline by) = 0;
    /// Oldest first.
    virtual Task<std::vector<SealedKey>> all(Deadline by) = 0;
    /// errors  conflict key_exists
    ///                  key_change_under_way: another one is announced, and so would be this one
    virtual Task<void> add(SealedKey key, Deadline by) = 0;
    /// Its stage becomes in_use. Safe to repeat. errors  not_found key_not_found
    virtual Task<void> put_in_use(std::string id, Deadline by) = 0;
    /// Replaces all of them, each by the same key sealed under another master key, in one
    /// transaction. errors  conflict key_conflict: these are not the ids that are there
    virtual Task<void> rewrap(std::vector<SealedKey> keys, Deadline by) = 0;
    /// True if the store holds no grant, flow or API key: only then may a first
    /// sealing key be made.
    virtual Task<bool> empty(Deadline by) = 0;

    /// How many tokens begin with each header of that many bytes. Reads every grant.
    virtual Task<std::map<std::string, std::int64_t>> tokens_by_header(std::size_t header_bytes,
                                                                       Deadline by) = 0;
    /// Grants of every role with a token that begins with another header than this one, by
    /// (connection, epoch) after `after`, at most 500. Reads every grant until the page is full.
    virtual Task<std::vector<GrantRow>> sealed_otherwise(std::string header, GrantKey after,
                                                         std::size_t limit, Deadline by) = 0;
    /// False: the row holds other tokens by now, or is gone.
    virtual Task<bool> replace_seals(SealChange change, Deadline by) = 0;
};

}  // namespace latchkey
