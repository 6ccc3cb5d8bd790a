#pragma once

#include <string>

#include <latchkey/error.h>

/// The errors of all adapters, in one place, so that they cannot differ. store.h says when each is
/// given.
namespace latchkey::store_error {

inline Error unavailable(const std::string& why) {
    return {Fault::try_later, "storage_unavailable",
            "The store could not do this now: " + why + ". Nothing was changed; try again."};
}
inline Error read_only() {
    return {Fault::try_later, "storage_read_only",
            "The database takes no changes now: it is a standby, or recovering. Nothing was "
            "changed; try again when it is the primary."};
}
inline Error unknown_history() {
    return {Fault::misconfigured, "storage_unknown",
            "This is not the database that the installation began on. Nothing was changed; check "
            "the address, or run: latchkey restore --mark"};
}
inline Error outcome_unknown() {
    return {Fault::outcome_unknown, "storage_outcome_unknown",
            "Whether the store kept this change is not known. Read before repeating it."};
}
inline Error damaged(const std::string& why) {
    return {Fault::internal, "storage_damaged",
            "The store is damaged: " + why + ". Stop, keep a copy of its files, and restore."};
}

inline Error no_connection() {
    return {Fault::not_found, "connection_not_found", "There is no such connection."};
}
inline Error no_grant() {
    return {Fault::not_found, "grant_not_found", "There is no such grant."};
}
inline Error claim_conflict() {
    return {Fault::conflict, "claim_conflict",
            "The grant is not free to be claimed as it was read. Read it again."};
}
inline Error settle_conflict() {
    return {Fault::conflict, "settle_conflict",
            "The grant has moved on since the attempt. Read it and decide again."};
}
inline Error move_conflict() {
    return {Fault::conflict, "move_conflict",
            "The grant is not in the state that was to be left. Read it again."};
}
inline Error resolver_conflict() {
    return {Fault::conflict, "resolver_conflict",
            "Somebody else is finding out about this grant, or it has been found out. Read it "
            "again."};
}
inline Error epoch_conflict() {
    return {Fault::conflict, "epoch_conflict",
            "The connection has a grant of this epoch or a higher one. Take the next epoch."};
}
inline Error promote_conflict() {
    return {Fault::conflict, "promote_conflict",
            "The connection's generation has moved on. Seal for the new one and repeat."};
}
inline Error superseded() {
    return {Fault::conflict, "superseded",
            "A later consent is in use already, or this one was refused. Let this one go."};
}

inline Error flow_exists() {
    return {Fault::conflict, "flow_exists", "There is such a connect session already."};
}
inline Error too_many_flows() {
    return {Fault::try_later, "too_many_flows",
            "Too many connect sessions are open. Try again when some have ended."};
}
inline Error too_many_connect_sessions() {
    return {Fault::try_later, "too_many_connect_sessions",
            "This API key has 10,000 connect sessions open. Let some end, each of them within ten "
            "minutes, and look for what opens them."};
}
inline Error no_flow() {
    return {Fault::not_found, "flow_not_found", "There is no such connect session."};
}
inline Error flow_conflict() {
    return {Fault::conflict, "flow_conflict",
            "The connect session was changed by somebody else. Read it again."};
}
inline Error invalid_cursor() {
    return {Fault::bad_input, "invalid_cursor",
            "The cursor is not one that a page of this list gave. Start without one."};
}
inline Error key_exists() {
    return {Fault::conflict, "key_exists", "There is a sealing key with this id already."};
}
inline Error no_key() {
    return {Fault::not_found, "key_not_found", "There is no sealing key with this id."};
}
inline Error key_change_under_way() {
    return {Fault::conflict, "key_change_under_way",
            "A new sealing key is announced already. Wait until every node reads it."};
}
inline Error key_conflict() {
    return {Fault::conflict, "key_conflict",
            "The sealing keys have changed in the meantime. Nothing was changed; try again."};
}
inline Error no_kill_switch() {
    return {Fault::not_found, "kill_switch_not_found", "This kill switch is not on."};
}
inline Error api_key_exists() {
    return {Fault::conflict, "api_key_exists", "There is an API key with this id already."};
}
inline Error no_api_key() {
    return {Fault::not_found, "api_key_not_found", "There is no such API key."};
}
inline Error session_exists() {
    return {Fault::conflict, "session_exists", "There is a gateway session with this id already."};
}
inline Error no_session() {
    return {Fault::not_found, "session_not_found", "There is no such gateway session."};
}
inline Error too_many_sessions() {
    return {Fault::try_later, "too_many_sessions",
            "This connection has 1,000 gateway sessions. End some, or wait until they have ended."};
}
inline Error node_id_in_use() {
    return {Fault::conflict, "node_id_in_use",
            "Another process is running under this node's name. Stop it, or give this node a name "
            "of its own."};
}
inline Error node_replaced() {
    return {Fault::conflict, "node_replaced",
            "Another process has taken over this node's name. This one must stop."};
}
inline Error journal_full() {
    return {Fault::try_later, "journal_full",
            "There is no room to keep the next answer. Free disk space, then try again."};
}

}  // namespace latchkey::store_error
