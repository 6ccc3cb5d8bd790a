#include "store/memory/sessions.h"

#include <algorithm>
#include <tuple>

namespace latchkey::memory {
namespace {

class Sessions final : public SessionStore {
public:
    explicit Sessions(Gatekeeper& state) : state_(state) {}

    Task<void> insert(SessionRow session, WallTime now, Deadline by) override {
        return gate<void>(&state_, "sessions.insert", by, [this, session, now]() -> Result<void> {
            auto& rows = rows_;
            std::size_t swept = 0;
            std::erase_if(rows, [&](const SessionRow& row) {
                return row.expires_at <= now && swept++ < most_sessions_swept;
            });
            for (const auto& row : rows)
                if (row.id == session.id) return store_error::session_exists();
            const auto live = std::count_if(rows.begin(), rows.end(), [&](const SessionRow& row) {
                return row.connection == session.connection && row.expires_at > now;
            });
            if (static_cast<std::size_t>(live) >= most_sessions)
                return store_error::too_many_sessions();
            rows.push_back(session);
            return {};
        });
    }

    Task<SessionRow> find(SessionId id, Deadline by) override {
        return gate<SessionRow>(&state_, "sessions.find", by, [this, id]() -> Result<SessionRow> {
            for (const auto& row : rows_)
                if (row.id == id) return row;
            return store_error::no_session();
        });
    }

    Task<std::vector<SessionRow>> of(ConnectionId connection, Deadline by) override {
        return gate<std::vector<SessionRow>>(
            &state_, "sessions.of", by, [this, connection]() -> Result<std::vector<SessionRow>> {
                std::vector<SessionRow> rows;
                for (const auto& row : rows_)
                    if (row.connection == connection) rows.push_back(row);
                std::sort(rows.begin(), rows.end(), [](const SessionRow& a, const SessionRow& b) {
                    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
                });
                return rows;
            });
    }

    Task<void> remove(ConnectionId connection, SessionId id, Deadline by) override {
        return gate<void>(&state_, "sessions.remove", by, [this, connection, id]() -> Result<void> {
            auto& rows = rows_;
            const bool there = std::any_of(rows.begin(), rows.end(), [&](const SessionRow& row) {
                return row.connection == connection && row.id == id;
            });
            if (!there) return store_error::no_session();
            std::erase_if(rows, [&](const SessionRow& row) {
                return row.connection == connection && (row.id == id || row.opened_by == id);
            });
            return {};
        });
    }

private:
    Gatekeeper& state_;
    std::vector<SessionRow> rows_;
};

}  // namespace

std::unique_ptr<SessionStore> make_sessions(Gatekeeper& state) {
    return std::make_unique<Sessions>(state);
}

}  // namespace latchkey::memory
