#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <latchkey/sealing_key.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/stops.h"
#include "crypto/key_ring.h"
#include "crypto/master_key.h"
#include "facade/kept_keys.h"
#include "facade/registration.h"
#include "store/store.h"
#include "vault/resealer.h"

namespace latchkey {

/// What changing the sealing key works with. All references must outlive it.
struct KeyWatchParts {
    boost::asio::io_context& loop;
    Store& store;
    KeyRing& ring;
    const MasterKey& master;
    std::string installation;
    NodeIdentity who;
    Clock& clock;
    Random& random;
    Log& log;
    Stops& stops;
    KeptKeys* kept = nullptr;  ///< beside the journal; null: nowhere
};

/// This node's part in changing the sealing key, which goes on by itself once a new key was added:
/// every node reads it and says so; when all do, it is put in use; then what older keys have sealed
/// is sealed anew. Each step is one transaction, done by whichever node comes to it first, so it may
/// stop anywhere and go on later, elsewhere. A key that was in use and that the store has forgotten, in
/// a fail-over or because a backup was put back, is put back.
class KeyWatch {
public:
    static constexpr std::chrono::seconds every{2};
    /// A node that is silent for so long is not waited for. It reads the key when it is back, and
    /// until then answers `key_unavailable` for what it cannot read.
    static constexpr std::chrono::seconds silence{60};

    explicit KeyWatch(KeyWatchParts parts);

    /// Adds a new key. It is in use once every node reads it, within seconds.
    /// errors  conflict key_change_under_way · those of take_up: this node's own master key has to
    ///         open all that are there
    Task<SealingKey> change(Deadline by);
    /// Reads every grant, to count.
    Task<SealingKeys> list(Deadline by);

    /// One look: learns keys, tells what this node reads, puts in use what all read.
    Task<void> look(Deadline by);
    /// One page of sealing anew, if there may be something to do. returns  whether to come again soon
    Task<bool> reseal(Deadline by);

    Async<void> run();
    void stop() { stopping_->set(); }

private:
    /// What a node showed, and since when it has shown the same.
    struct Seen {
        std::int64_t beats = 0;
        SteadyTime since{};
    };
    Task<std::vector<NodeId>> lagging(std::string key, Deadline by);
    Task<bool> put_back(const std::vector<SealedKey>& there, Deadline by);
    Task<void> tell(std::string newest, Deadline by);
    Result<void> seal_with(std::string id, std::vector<SealedKey> there);
    void complain(const Error& error);

    KeyWatchParts parts_;
    Resealer resealer_;
    std::shared_ptr<Event> stopping_;
    std::string told_;                         ///< the newest key that we have said we read
    std::string complained_;                   ///< the last failure's code, said once
    std::map<std::string, SealedKey> in_use_;  ///< as they were last seen in the store
    std::map<std::string, Seen> seen_;         ///< by node and boot
    std::string resealed_for_;                 ///< the key for which nothing was left
    std::optional<GrantKey> resealing_from_;   ///< a pass is under way
    std::size_t changed_in_pass_ = 0;
    std::size_t changed_ = 0;  ///< in all passes for this key
};

}  // namespace latchkey
