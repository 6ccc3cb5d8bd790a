#include "store/sqlite/sessions.h"

#include "store/errors.h"
#include "store/stored_session.h"

namespace latchkey::sqlite {
namespace {

class Sessions final : public SessionStore {
public:
    explicit Sessions(Bench& bench) : bench_(bench) {}

    Task<void> insert(SessionRow session, WallTime now, Deadline by) override {
        return bench_.worker.write<void>(
            [session, now](Database& database) -> Result<void> {
                database
                    .prepare(
                        "DELETE FROM gateway_sessions WHERE rowid IN (SELECT rowid FROM"
                        " gateway_sessions WHERE tenant = ? AND expires_at <= ? LIMIT ?)")
                    .bind(default_tenant)
                    .bind(now)
                    .bind(std::int64_t{most_sessions_swept})
                    .run();
                auto live = database.prepare(
                    "SELECT COUNT(*) FROM gateway_sessions"
                    " WHERE tenant = ? AND connection = ? AND expires_at > ?");
                live.bind(default_tenant).bind(session.connection.text).bind(now).step();
                if (live.number() >= std::int64_t{most_sessions})
                    return store_error::too_many_sessions();
                database
                    .prepare("INSERT INTO gateway_sessions (tenant, " LATCHKEY_SESSION_COLUMNS
                             ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                             " ON CONFLICT (tenant, id) DO NOTHING")
                    .bind(default_tenant)
                    .bind(session.id.text)
                    .bind(session.connection.text)
                    .bind(session.epoch.value)
                    .bind(session.key.text)
                    .bind(session.secret_hash)
                    .bind(std::int64_t{session.renews})
                    .bind(session.opened_by.text)
                    .bind(session.created_at)
                    .bind(session.expires_at)
                    .run();
                if (database.changes() == 0) return store_error::session_exists();
                return {};
            },
            by);
    }

    Task<SessionRow> find(SessionId id, Deadline by) override {
        return bench_.worker.read<SessionRow>(
            [id](Database& database) -> Result<SessionRow> {
                auto found = database.prepare("SELECT " LATCHKEY_SESSION_COLUMNS
                                              " FROM gateway_sessions WHERE tenant = ? AND id = ?");
                if (!found.bind(default_tenant).bind(id.text).step())
                    return store_error::no_session();
                return stored::read_session(found);
            },
            by);
    }

    Task<std::vector<SessionRow>> of(ConnectionId connection, Deadline by) override {
        return bench_.worker.read<std::vector<SessionRow>>(
            [connection](Database& database) -> Result<std::vector<SessionRow>> {
                auto found =
                    database.prepare("SELECT " LATCHKEY_SESSION_COLUMNS
                                     " FROM gateway_sessions WHERE tenant = ? AND connection = ?"
                                     " ORDER BY created_at, id");
                found.bind(default_tenant).bind(connection.text);
                std::vector<SessionRow> sessions;
                while (found.step()) sessions.push_back(stored::read_session(found));
                return sessions;
            },
            by);
    }

    Task<void> remove(ConnectionId connection, SessionId id, Deadline by) override {
        return bench_.worker.write<void>(
            [connection, id](Database& database) -> Result<void> {
                database
                    .prepare(
                        "DELETE FROM gateway_sessions"
                        " WHERE tenant = ? AND connection = ? AND id = ?")
                    .bind(default_tenant)
                    .bind(connection.text)
                    .bind(id.text)
                    .run();
                if (database.changes() == 0) return store_error::no_session();
                database
                    .prepare(
                        "DELETE FROM gateway_sessions"
                        " WHERE tenant = ? AND connection = ? AND opened_by = ?")
                    .bind(default_tenant)
                    .bind(connection.text)
                    .bind(id.text)
                    .run();
                return {};
            },
            by);
    }

private:
    Bench& bench_;
};

}  // namespace

std::unique_ptr<SessionStore> make_sessions(Bench& bench) {
    return std::make_unique<Sessions>(bench);
}

}  // namespace latchkey::sqlite
