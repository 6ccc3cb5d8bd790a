#pragma once

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <libpq-fe.h>

namespace latchkey::test {

/// One database of its own in the server that tests/support/with_postgres.py has started, and
/// removes at the end.
class PostgresDatabase {
public:
    PostgresDatabase() {
        static std::atomic<int> number{0};
        name_ = "latchkey_test_" + std::to_string(::getpid()) + "_" + std::to_string(++number);
        admin("CREATE DATABASE " + name_);
    }
    PostgresDatabase(const PostgresDatabase&) = delete;
    PostgresDatabase& operator=(const PostgresDatabase&) = delete;

    /// What a store is opened with: through the pooler where the tests run behind one.
    std::string dsn() const { return setting("LATCHKEY_TEST_POSTGRES") + " dbname=" + name_; }
    /// To the server itself.
    std::string direct() const {
        return setting("LATCHKEY_TEST_POSTGRES_SERVER") + " dbname=" + name_;
    }
    static bool pooled() {
        return setting("LATCHKEY_TEST_POSTGRES") != setting("LATCHKEY_TEST_POSTGRES_SERVER");
    }

    /// As the superuser, in this database. returns  the first value, if there is any
    std::string run(const std::string& sql) const { return run_on(direct(), sql); }
    static std::string admin(const std::string& sql) {
        return run_on(setting("LATCHKEY_TEST_POSTGRES_SERVER") + " dbname=postgres", sql);
    }

    static std::string setting(const char* name) {
        const char* value = std::getenv(name);
        if (value == nullptr)
            throw std::runtime_error("run this test through tests/support/with_postgres.py");
        return value;
    }

    using Line = std::unique_ptr<PGconn, decltype(&PQfinish)>;
    static std::string run_on(PGconn* line, const std::string& sql) {
        const std::unique_ptr<PGresult, decltype(&PQclear)> result{PQexec(line, sql.c_str()),
                                                                   &PQclear};
        const auto status = PQresultStatus(result.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            throw std::runtime_error(PQerrorMessage(line));
        return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
    }

private:
    static std::string run_on(const std::string& dsn, const std::string& sql) {
        const Line line{PQconnectdb(dsn.c_str()), &PQfinish};
        return run_on(line.get(), sql);
    }

    std::string name_;
};

/// A database in which nothing stands, perhaps one that an earlier test has used: making one takes a
/// tenth of a second, emptying it a hundredth. For tests that leave its schema as it was.
class EmptyDatabase {
public:
    EmptyDatabase() {
        if (free().empty()) {
            kept_ = std::make_unique<Kept>();
            return;
        }
        kept_ = std::move(free().back());
        free().pop_back();
        if (!kept_->line) kept_->line.reset(PQconnectdb(kept_->database.direct().c_str()));
        PostgresDatabase::run_on(
            kept_->line.get(),
            "DO $$DECLARE t text; BEGIN"
            " FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'latchkey'"
            " AND tablename NOT IN ('installation', 'tokens')"
            " LOOP EXECUTE format('DELETE FROM latchkey.%I', t); END LOOP;"
            " UPDATE latchkey.installation SET incarnation = 1; END$$");
    }
    ~EmptyDatabase() { free().push_back(std::move(kept_)); }
    EmptyDatabase(const EmptyDatabase&) = delete;
    EmptyDatabase& operator=(const EmptyDatabase&) = delete;

    std::string dsn() const { return kept_->database.dsn(); }

private:
    struct Kept {
        PostgresDatabase database;
        PostgresDatabase::Line line{nullptr, &PQfinish};
    };
    static std::vector<std::unique_ptr<Kept>>& free() {
        static std::vector<std::unique_ptr<Kept>> databases;
        return databases;
    }
    std::unique_ptr<Kept> kept_;
};

}  // namespace latchkey::test
