#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "store/changes.h"
#include "store/postgres/pool.h"

namespace latchkey::postgres {

/// Tells other nodes which connections this one has changed, and hears what they tell.
///
/// NOTIFY inside the change's own transaction would make all commits of the database wait for each
/// other, so it goes out afterwards, many changes in one, from a transaction that needs not be
/// durable. It is a hint: a node that dies in between has told nothing, and the others look from
/// time to time. A claim is not told: it changes nothing that anybody remembers.
///
/// Listening needs a connection that stays the same, so it does not work through a pooler in
/// transaction mode: then nothing is heard, and looking from time to time is all there is.
class Bulletin {
public:
    /// Both must outlive this object; its coroutines run on the pool's loop and end with it.
    Bulletin(Pool& pool, Random& random);

    /// From any thread; returns at once.
    void changed(const ConnectionId& connection);

    /// Changes::next, from any loop.
    Task<ChangeBatch> next(std::int64_t mark, Deadline by);

    /// Answers everybody who waits, with what there is. From any thread; nothing comes back to the
    /// loops of those who waited once this has returned.
    void wake();

private:
    struct Waiter;
    class Waiting;

    Async<void> tell();
    Async<void> listen();
    Async<void> hear(Link& link);
    void heard(const std::string& payload);
    void note(std::vector<ConnectionId> connections, bool anything);
    void wake_all();
    ChangeBatch since(std::int64_t mark) const;

    Pool& pool_;
    const std::string origin_;  ///< tells our own notifications from the others'

    mutable std::mutex mutex_;  ///< guards what follows
    std::set<ConnectionId> untold_;
    bool telling_ = false;
    bool listening_ = false;
    std::deque<ConnectionId> news_;
    std::int64_t last_ = 0;      ///< number of the newest change heard of
    std::int64_t anything_ = 0;  ///< up to this number more than is named may have changed
    std::vector<Waiter*> waiters_;

    Link* line_ = nullptr;  ///< the pool's thread's alone
};

}  // namespace latchkey::postgres
