#include "store/sqlite/database.h"

#include <utility>

#include <sqlite3.h>

#include "store/errors.h"

namespace latchkey::sqlite {
namespace {

Failure failure_of(sqlite3* database, int code, bool at_commit) {
    if (database == nullptr) return {code, at_commit, ::sqlite3_errstr(code)};
    return {::sqlite3_extended_errcode(database), at_commit, ::sqlite3_errmsg(database)};
}

}  // namespace

Error error_of(const Failure& failure) {
    switch (failure.code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return store_error::damaged(failure.what);
        case SQLITE_IOERR:
            if (failure.at_commit) return store_error::outcome_unknown();
            return store_error::unavailable(failure.what);
        case SQLITE_READONLY:
            return store_error::read_only();
        case SQLITE_FULL:
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_NOMEM:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
            return store_error::unavailable(failure.what);
        default:
            return Error{Fault::internal, "storage_failed",
                         "The store refused a statement of ours: " + failure.what + "."};
    }
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      prepared_(std::exchange(other.prepared_, nullptr)),
      next_parameter_(other.next_parameter_),
      next_column_(other.next_column_) {}

Statement::~Statement() {
    if (prepared_ == nullptr) return;
    ::sqlite3_reset(prepared_);
    ::sqlite3_clear_bindings(prepared_);
}

void Statement::check(int code) const {
    if (code != SQLITE_OK) throw failure_of(database_, code, false);
}

Statement& Statement::bind(std::string_view text) {
    // The length goes with it, so a NUL inside is a character like any other.
    check(::sqlite3_bind_text64(prepared_, next_parameter_++, text.data() ? text.data() : "",
                                text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
    return *this;
}

Statement& Statement::bind(std::int64_t number) {
    check(::sqlite3_bind_int64(prepared_, next_parameter_++, number));
    return *this;
}

Statement& Statement::bind(const Sealed& sealed) {
    check(::sqlite3_bind_blob64(prepared_, next_parameter_++, sealed.bytes.data(),
                                sealed.bytes.size(), SQLITE_TRANSIENT));
    return *this;
}

Statement& Statement::bind(WallTime when) {
    return bind(std::int64_t{when.time_since_epoch().count()});
}

Statement& Statement::bind_null() {
    check(::sqlite3_bind_null(prepared_, next_parameter_++));
    return *this;
}

bool Statement::step() {
    const int code = ::sqlite3_step(prepared_);
    next_column_ = 0;
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    throw failure_of(database_, code, false);
}

bool Statement::null_here() {
    return ::sqlite3_column_type(prepared_, next_column_) == SQLITE_NULL;
}

std::string Statement::bytes() {
    const auto* start = static_cast<const char*>(::sqlite3_column_blob(prepared_, next_column_));
    const auto size = ::sqlite3_column_bytes(prepared_, next_column_);
    ++next_column_;
    return start == nullptr ? std::string{} : std::string(start, static_cast<std::size_t>(size));
}

std::string Statement::text() {
    return bytes();
}

std::int64_t Statement::number() {
    return ::sqlite3_column_int64(prepared_, next_column_++);
}

Sealed Statement::sealed() {
    return Sealed{bytes()};
}

std::optional<Sealed> Statement::sealed_or_null() {
    const bool none = null_here();
    auto value = sealed();
    if (none) return std::nullopt;
    return value;
}

WallTime Statement::time() {
    return WallTime{std::chrono::seconds{number()}};
}

std::optional<WallTime> Statement::time_or_null() {
    const bool none = null_here();
    const auto when = time();
    if (none) return std::nullopt;
    return when;
}

Database::Database(const std::string& path, const std::string& vfs) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    const int code =
        ::sqlite3_open_v2(path.c_str(), &database_, flags, vfs.empty() ? nullptr : vfs.c_str());
    if (code == SQLITE_OK) {
        ::sqlite3_extended_result_codes(database_, 1);
        ::sqlite3_busy_timeout(database_, 5000);
        return;
    }
    const auto failure = failure_of(database_, code, false);
    ::sqlite3_close_v2(database_);
    throw failure;
}

Database::~Database() {
    for (const auto& [sql, prepared] : cache_) ::sqlite3_finalize(prepared);
    ::sqlite3_close_v2(database_);
}

Statement Database::prepare(std::string_view sql) {
    auto& prepared = cache_[sql];
    if (prepared == nullptr) {
        const int code = ::sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                              SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
        if (code != SQLITE_OK) throw failure_of(database_, code, false);
    }
    return Statement{database_, prepared};
}

void Database::execute(const std::string& sql) {
    const int code = ::sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) throw failure_of(database_, code, false);
}

std::int64_t Database::number(const std::string& sql) {
    sqlite3_stmt* prepared = nullptr;
    const int code = ::sqlite3_prepare_v2(database_, sql.c_str(), -1, &prepared, nullptr);
    if (code != SQLITE_OK) throw failure_of(database_, code, false);
    const int stepped = ::sqlite3_step(prepared);
    const auto value = stepped == SQLITE_ROW ? ::sqlite3_column_int64(prepared, 0) : 0;
    const auto failure = failure_of(database_, stepped, false);
    ::sqlite3_finalize(prepared);
    if (stepped != SQLITE_ROW && stepped != SQLITE_DONE) throw failure;
    return value;
}

std::int64_t Database::changes() const {
    return ::sqlite3_changes64(database_);
}

std::int64_t Database::last_row() const {
    return ::sqlite3_last_insert_rowid(database_);
}

void Database::commit() {
    const int code = ::sqlite3_exec(database_, "COMMIT", nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) throw failure_of(database_, code, true);
}

void Database::roll_back() noexcept {
    if (::sqlite3_get_autocommit(database_) == 0)
        ::sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace latchkey::sqlite
