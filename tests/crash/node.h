#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "crypto/key_ring.h"
#include "model/providers.h"
#include "store/journal/file_journal.h"
#include "store/journal/place.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/crash/crash_store.h"
#include "vault/vault.h"

namespace latchkey::test {

inline const ConnectionId crash_connection{"cn_crash"};

/// Ends the process, as a power switch would, when the named point is reached.
class KillingStops final : public Stops {
public:
    explicit KillingStops(std::string at) : at_(std::move(at)) {}
    void reached(std::string_view point) override;

private:
    std::string at_;
};

/// The keeping half of a node: a SQLite file, a journal beside it, and a vault with a known key. Opened by one process
/// after the other.
struct Keeping {
    Keeping(const std::string& file, Stops& stops);

    boost::asio::io_context loop;
    SystemClock clock;
    SystemRandom random;
    NoLog log;
    std::unique_ptr<SqliteStore> sqlite;
    StoppingStore store;
    journal::Place place;
    std::unique_ptr<FileJournal> journal;
    KeyRing keys;
    std::unique_ptr<Vault> vault;
};

Provider crash_provider(const std::string& emulator_url);

/// What a node reports at its end, one line in a file.
struct Report {
    std::string state;
    std::string reason;
    std::int64_t generation = 0;
    bool refreshed = false;  ///< a refresh worked afterwards
};

}  // namespace latchkey::test
