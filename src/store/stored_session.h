#pragma once

#include "store/session_store.h"

/// As stored_rows.h.
namespace latchkey::stored {

#define LATCHKEY_SESSION_COLUMNS \
    "id, connection, epoch, api_key, secret_hash, renews, opened_by, created_at, expires_at"

template <class Row>
SessionRow read_session(Row& row) {
    SessionRow session;
    session.id = SessionId{row.text()};
    session.connection = ConnectionId{row.text()};
    session.epoch = Epoch{row.number()};
    session.key = ApiKeyId{row.text()};
    session.secret_hash = row.text();
    session.renews = row.number() != 0;
    session.opened_by = SessionId{row.text()};
    session.created_at = row.time();
    session.expires_at = row.time();
    return session;
}

}  // namespace latchkey::stored
