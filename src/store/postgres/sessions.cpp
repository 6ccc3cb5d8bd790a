#include "store/postgres/sessions.h"

#include "store/errors.h"
#include "store/stored_session.h"

namespace latchkey::postgres {
namespace {

/// One row: whether there is room, and whether the session is in now. All parts see the rows as they
/// were, so what is swept is counted apart from what is live.
constexpr const char* insert_session =
    "WITH p AS MATERIALIZED (SELECT latchkey.durable_timeline() AS line), old AS ("
    " SELECT s.id FROM latchkey.gateway_sessions s WHERE s.tenant = $1 AND s.expires_at <= $11"
    " LIMIT $12 FOR UPDATE SKIP LOCKED), swept AS ("
    " DELETE FROM latchkey.gateway_sessions s USING old"
    " WHERE s.tenant = $1 AND s.id = old.id AND (SELECT line FROM p) IS NOT NULL),"
    " room AS MATERIALIZED (SELECT count(*) < $13 AS left FROM latchkey.gateway_sessions s"
    " WHERE s.tenant = $1 AND s.connection = $3 AND s.expires_at > $11), made AS ("
    " INSERT INTO latchkey.gateway_sessions (tenant, " LATCHKEY_SESSION_COLUMNS
    ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM p, room"
    " WHERE room.left AND p.line IS NOT NULL ON CONFLICT DO NOTHING RETURNING 1)"
    " SELECT room.left, EXISTS (SELECT 1 FROM made) FROM room";

/// Every look reads the primary, so an ended session is refused on all nodes from the next look on.
class Sessions final : public SessionStore {
public:
    explicit Sessions(Bench& bench) : bench_(bench) {}

    Task<void> insert(SessionRow session, WallTime now, Deadline by) override {
        auto insert = writing(insert_session);
        insert.given.word(default_tenant)
            .bytes(session.id.text)
            .bytes(session.connection.text)
            .number(session.epoch.value)
            .bytes(session.key.text)
            .bytes(session.secret_hash)
            .number(session.renews ? 1 : 0)
            .bytes(session.opened_by.text)
            .time(session.created_at)
            .time(session.expires_at)
            .time(now)
            .number(std::int64_t{most_sessions_swept})
            .number(std::int64_t{most_sessions});
        auto rows = co_await bench_.pool.ask(std::move(insert), by);
        if (!rows) co_return rows.error();
        if (!rows->next()) co_return store_error::damaged("it gives no answer about a session");
        if (!rows->truth()) co_return store_error::too_many_sessions();
        if (!rows->truth()) co_return store_error::session_exists();
        co_return Result<void>{};
    }

    Task<SessionRow> find(SessionId id, Deadline by) override {
        auto question = reading("SELECT " LATCHKEY_SESSION_COLUMNS
                                " FROM latchkey.gateway_sessions WHERE tenant = $1 AND id = $2");
        question.given.word(default_tenant).bytes(id.text);
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        if (!found->next()) co_return store_error::no_session();
        co_return stored::read_session(*found);
    }

    Task<std::vector<SessionRow>> of(ConnectionId connection, Deadline by) override {
        auto question =
            reading("SELECT " LATCHKEY_SESSION_COLUMNS
                    " FROM latchkey.gateway_sessions WHERE tenant = $1 AND connection = $2"
                    " ORDER BY created_at, id");
        question.given.word(default_tenant).bytes(connection.text);
        auto found = co_await bench_.pool.ask(std::move(question), by);
        if (!found) co_return found.error();
        std::vector<SessionRow> sessions;
        while (found->next()) sessions.push_back(stored::read_session(*found));
        co_return sessions;
    }

    Task<void> remove(ConnectionId connection, SessionId id, Deadline by) override {
        auto erase = writing(
            "DELETE FROM latchkey.gateway_sessions WHERE tenant = $1 AND connection = $2"
            " AND (id = $3 OR opened_by = $3) AND EXISTS (SELECT 1 FROM latchkey.gateway_sessions s"
            " WHERE s.tenant = $1 AND s.connection = $2 AND s.id = $3)"
            " AND (SELECT latchkey.durable_timeline()) IS NOT NULL RETURNING 1");
        erase.given.word(default_tenant).bytes(connection.text).bytes(id.text);
        auto gone = co_await bench_.pool.ask(std::move(erase), by);
        if (!gone) co_return gone.error();
        if (gone->size() == 0) co_return store_error::no_session();
        co_return Result<void>{};
    }

private:
    Bench& bench_;
};

}  // namespace

std::unique_ptr<SessionStore> make_sessions(Bench& bench) {
    return std::make_unique<Sessions>(bench);
}

}  // namespace latchkey::postgres
