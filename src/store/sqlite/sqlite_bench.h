#pragma once

#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "base/log.h"
#include "base/random.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace latchkey::test {

/// A SqliteStore in a directory of its own, for the tests of what is special about it.
struct SqliteFileBench {
    boost::asio::io_context loop{1};
    FakeClock clock;
    SystemRandom random;
    NoLog log;
    TempDir dir;
    SqliteOptions options{dir.file("latchkey.db")};
    std::unique_ptr<SqliteStore> store;

    Deadline by() const { return clock.in(std::chrono::seconds{5}); }

    /// "" or the code of the refusal.
    std::string open() {
        auto made = SqliteStore::open(options, clock, random, log);
        if (made.has_error()) return made.error().code;
        store = std::move(*made);
        return {};
    }
    void reopen() {
        store.reset();
        REQUIRE(open().empty());
    }

    template <class T>
    Result<T> get(Task<T> call) {
        return run(loop, std::move(call));
    }
    template <class T>
    T ok(Task<T> call) {
        auto result = get(std::move(call));
        REQUIRE(result.has_value());
        return std::move(*result);
    }
    template <class T>
    std::string refusal(Task<T> call) {
        const auto result = get(std::move(call));
        return result.has_value() ? std::string{} : result.error().code;
    }

    GrantKey connect(const std::string& name) {
        GrantRow row;
        row.key = GrantKey{ConnectionId{name}, Epoch{1}};
        row.refresh_token = Sealed{"sealed"};
        REQUIRE(get(store->grants().add_candidate(row, by())).has_value());
        Connection facts;
        facts.id = row.key.connection;
        ok(store->grants().promote(row.key, facts, Generation{0}, Sealed{"sealed"}, by()));
        return row.key;
    }
    Task<GrantRow> claim(const GrantKey& key, const std::string& attempt) {
        return store->grants().claim(key, GrantGeneration{1}, AttemptId{attempt}, NodeId{"n"},
                                     by());
    }
    GrantRow row(const GrantKey& key) { return ok(store->grants().find(key, by())); }
};

}  // namespace latchkey::test
