#include "store/copied_tables.h"

#include <array>

namespace latchkey {
namespace {

using enum ColumnKind;

constexpr std::array sealing_keys{CopiedColumn{"id", word}, CopiedColumn{"sealed", bytes},
                                  CopiedColumn{"created_at", number}, CopiedColumn{"stage", word}};

constexpr std::array kill_switches{CopiedColumn{"tenant", word},   CopiedColumn{"provider", bytes},
                                   CopiedColumn{"since", number},  CopiedColumn{"reason", bytes},
                                   CopiedColumn{"revokes", truth}, CopiedColumn{"swept", truth}};

constexpr std::array connections{
    CopiedColumn{"tenant", word},         CopiedColumn{"id", bytes},
    CopiedColumn{"end_user", bytes},      CopiedColumn{"username", bytes},
    CopiedColumn{"connected_at", number}, CopiedColumn{"refreshed_at", number}};

constexpr std::array grants{CopiedColumn{"tenant", word},
                            CopiedColumn{"connection", bytes},
                            CopiedColumn{"epoch", number},
                            CopiedColumn{"role", word},
                            CopiedColumn{"state", word},
                            CopiedColumn{"quarantine", word},
                            CopiedColumn{"reason", bytes},
                            CopiedColumn{"grant_generation", number},
                            CopiedColumn{"generation", number},
                            CopiedColumn{"attempt", word},
                            CopiedColumn{"attempt_node", word},
                            CopiedColumn{"resolver", word},
                            CopiedColumn{"timeline", timeline},
                            CopiedColumn{"provider", bytes},
                            CopiedColumn{"login_url", bytes},
                            CopiedColumn{"instance_url", bytes},
                            CopiedColumn{"org_id", bytes},
                            CopiedColumn{"user_id", bytes},
                            CopiedColumn{"scopes", bytes},
                            CopiedColumn{"access_received_at", number},
                            CopiedColumn{"access_expires_at", number},
                            CopiedColumn{"rotation_seen", truth},
                            CopiedColumn{"renewable", truth},
                            CopiedColumn{"revoked_at", number}};

constexpr std::array tokens{CopiedColumn{"tenant", word}, CopiedColumn{"connection", bytes},
                            CopiedColumn{"epoch", number}, CopiedColumn{"refresh_token", bytes},
                            CopiedColumn{"access_token", bytes}};

constexpr std::array flows{
    CopiedColumn{"tenant", word},       CopiedColumn{"id", bytes},
    CopiedColumn{"version", number},    CopiedColumn{"state", word},
    CopiedColumn{"owner", bytes},       CopiedColumn{"end_user", bytes},
    CopiedColumn{"provider", bytes},    CopiedColumn{"purpose", bytes},
    CopiedColumn{"return_url", bytes},  CopiedColumn{"login_url", bytes},
    CopiedColumn{"reconnects", bytes},  CopiedColumn{"link_hash", bytes},
    CopiedColumn{"state_hash", bytes},  CopiedColumn{"cookie_hash", bytes},
    CopiedColumn{"ticket_hash", bytes}, CopiedColumn{"verifier", bytes},
    CopiedColumn{"callback", bytes},    CopiedColumn{"ticket_expires_at", number},
    CopiedColumn{"created_at", number}, CopiedColumn{"expires_at", number},
    CopiedColumn{"connection", bytes},  CopiedColumn{"failure", word}};

constexpr std::array api_keys{
    CopiedColumn{"tenant", word},       CopiedColumn{"id", bytes},
    CopiedColumn{"secret_hash", bytes}, CopiedColumn{"label", bytes},
    CopiedColumn{"permissions", bytes}, CopiedColumn{"created_at", number},
    CopiedColumn{"revoked_at", number}, CopiedColumn{"rules", word}};

constexpr std::array sessions{
    CopiedColumn{"tenant", word},       CopiedColumn{"id", bytes},
    CopiedColumn{"connection", bytes},  CopiedColumn{"epoch", number},
    CopiedColumn{"api_key", bytes},     CopiedColumn{"secret_hash", bytes},
    CopiedColumn{"renews", number},     CopiedColumn{"opened_by", bytes},
    CopiedColumn{"created_at", number}, CopiedColumn{"expires_at", number}};

constexpr std::array events{CopiedColumn{"number", number},     CopiedColumn{"tenant", word},
                            CopiedColumn{"at", number},         CopiedColumn{"kind", word},
                            CopiedColumn{"connection", bytes},  CopiedColumn{"epoch", number},
                            CopiedColumn{"generation", number}, CopiedColumn{"reason", bytes}};

const std::array all{
    CopiedTable{"sealing_keys",
                "SELECT id, sealed, created_at, stage FROM sealing_keys ORDER BY position",
                sealing_keys},
    CopiedTable{
        "connections",
        "SELECT tenant, id, end_user, username, connected_at, refreshed_at FROM connections",
        connections},
    CopiedTable{
        "grants",
        "SELECT tenant, connection, epoch, role, state, quarantine, reason,"
        " grant_generation, generation, attempt, attempt_node, resolver, timeline, provider,"
        " login_url, instance_url, org_id, user_id, scopes, access_received_at,"
        " access_expires_at, rotation_seen, refresh_token IS NOT NULL, revoked_at FROM grants",
        grants},
    CopiedTable{"tokens",
                "SELECT tenant, connection, epoch, refresh_token, access_token FROM grants",
                tokens},
    CopiedTable{
        "flows",
        "SELECT tenant, id, version, state, owner, end_user, provider, purpose, return_url,"
        " login_url, reconnects, link_hash, state_hash, cookie_hash, ticket_hash, verifier,"
        " callback, ticket_expires_at, created_at, expires_at, connection, failure FROM flows",
        flows},
    CopiedTable{"api_keys",
                "SELECT tenant, id, secret_hash, label, permissions, created_at, revoked_at,"
                " rules FROM api_keys",
                api_keys},
    CopiedTable{"gateway_sessions",
                "SELECT tenant, id, connection, epoch, api_key, secret_hash, renews, opened_by,"
                " created_at, expires_at FROM gateway_sessions",
                sessions},
    CopiedTable{"kill_switches",
                "SELECT tenant, provider, since, reason, revokes, swept FROM kill_switches",
                kill_switches},
    CopiedTable{
        "events",
        "SELECT number, tenant, at, kind, connection, epoch, generation, reason FROM events",
        events},
};

}  // namespace

std::span<const CopiedTable> copied_tables() {
    return all;
}

}  // namespace latchkey
