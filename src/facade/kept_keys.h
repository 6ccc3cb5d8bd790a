#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <latchkey/error.h>

#include "store/key_store.h"

namespace latchkey {

/// The sealing keys that were in use, each still wrapped by the master key, in a file beside this
/// node's journal: what is in the journal can be opened although the store has forgotten a key,
/// because a backup from before was put back or a fail-over lost it.
class KeptKeys {
public:
    static constexpr const char* file_name = "sealing-keys";
    /// A file of more is none of ours.
    static constexpr std::size_t most_bytes = 1024 * 1024;

    /// `directory` is the journal's. Reads what is there; absent: nothing yet. Lines that are none
    /// are left out.
    /// errors  misconfigured journal_unreachable
    static Result<std::unique_ptr<KeptKeys>> open(std::string directory);

    const std::vector<SealedKey>& keys() const { return keys_; }
    /// All of `keys` and, of those kept so far, the ones with other ids. Durable before it returns; if
    /// nothing has changed, nothing is written.
    /// errors  try_later storage_unavailable
    Result<void> keep(const std::vector<SealedKey>& keys);

private:
    explicit KeptKeys(std::string directory) : directory_(std::move(directory)) {}
    std::string directory_;
    std::vector<SealedKey> keys_;
};

}  // namespace latchkey
