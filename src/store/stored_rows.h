#pragma once

#include "store/api_key_store.h"
#include "store/packed_list.h"
#include "store/stored_words.h"

/// Rows as every SQL adapter selects them: the columns in one order, read by whatever gives one value
/// after the other. `Row` has text(), number(), sealed(), time() and time_or_null().
namespace latchkey::stored {

#define LATCHKEY_FLOW_COLUMNS                                                           \
    "id, version, state, owner, end_user, provider, purpose, return_url, login_url, "   \
    "reconnects, link_hash, state_hash, cookie_hash, ticket_hash, verifier, callback, " \
    "ticket_expires_at, created_at, expires_at, connection, failure"

template <class Row>
FlowRow read_flow(Row& row) {
    FlowRow flow;
    flow.id = FlowId{row.text()};
    flow.version = row.number();
    flow.state = flow_state_of(row.text());
    flow.owner = ApiKeyId{row.text()};
    flow.end_user = row.text();
    flow.provider = ProviderId{row.text()};
    flow.purpose = row.text();
    flow.return_url = row.text();
    flow.login_url = row.text();
    flow.reconnects = ConnectionId{row.text()};
    flow.link_hash = row.text();
    flow.state_hash = row.text();
    flow.cookie_hash = row.text();
    flow.ticket_hash = row.text();
    flow.verifier = row.sealed();
    flow.callback = row.sealed();
    flow.ticket_expires_at = row.time();
    flow.created_at = row.time();
    flow.expires_at = row.time();
    flow.connection = ConnectionId{row.text()};
    flow.failure = row.text();
    return flow;
}

#define LATCHKEY_API_KEY_COLUMNS \
    "id, secret_hash, label, permissions, created_at, revoked_at, rules"

template <class Row>
ApiKeyRow read_api_key(Row& row) {
    ApiKeyRow key;
    key.id = ApiKeyId{row.text()};
    key.secret_hash = row.text();
    key.label = row.text();
    key.permissions = unpack(row.text());
    key.created_at = row.time();
    key.revoked_at = row.time_or_null();
    key.rules = row.text();
    return key;
}

#define LATCHKEY_EVENT_COLUMNS "number, at, kind, connection, epoch, generation, reason"

template <class Row>
ConnectionEvent read_event(Row& row) {
    ConnectionEvent event;
    event.number = row.number();
    event.at = row.time();
    event.kind = event_kind_of(row.text());
    event.connection = ConnectionId{row.text()};
    event.epoch = Epoch{row.number()};
    event.generation = Generation{row.number()};
    event.reason = row.text();
    return event;
}

}  // namespace latchkey::stored
