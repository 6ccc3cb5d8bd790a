#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <latchkey/ids.h>
#include <latchkey/time.h>

namespace latchkey {

/// How far a sealing key has come.
enum class KeyStage {
    announced,  ///< every node is to read it; nothing is sealed with it yet
    in_use,     ///< of several the newest seals; the others only open what they sealed
};
/// "announced" or "in_use".
const char* name(KeyStage stage) noexcept;

/// One sealing key, as it is shown: never the key. Keys are kept for good, because journals, backups
/// and the hashes of API keys need the old ones.
struct SealingKey {
    std::string id;  ///< 8 hexadecimal digits
    KeyStage stage = KeyStage::in_use;
    bool seals = false;  ///< the one that new tokens are sealed with
    WallTime created_at{};
    std::int64_t tokens = 0;  ///< that are stored sealed with it
};

/// The sealing keys, and what a change of them waits for.
struct SealingKeys {
    std::vector<SealingKey> keys;  ///< oldest first
    /// Nodes that do not read the announced key yet, and have not been silent for a minute.
    std::vector<NodeId> waiting_for;
};

}  // namespace latchkey
