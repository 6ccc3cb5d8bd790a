#include "access/sessions.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <latchkey/api_key.h>

#include "access/random_id.h"

namespace latchkey {
namespace {

using namespace std::chrono_literals;

constexpr auto least_ttl = 60s;
constexpr std::chrono::seconds usual_ttl = 8h;
constexpr std::chrono::seconds most_ttl = 24h;
constexpr std::chrono::seconds refresh_ttl = 30 * 24h;

constexpr std::size_t id_size = 12;
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t secret_size = 43;
constexpr std::size_t tail_size = id_size + 1 + secret_size;  // "<id>.<secret>"
constexpr std::string_view refresh_prefix = "lkr_";
constexpr std::string_view session_purpose = "gateway session";

/// Where the connection's org is not known: SDKs want an org's id before the mark, and none is this.
constexpr std::string_view no_org = "00D000000000000";

bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_org(std::string_view org) {
    return (org.size() == 15 || org.size() == 18) && org.starts_with("00D") &&
           std::all_of(org.begin(), org.end(), is_word);
}

/// "<id>.<secret>", or empty.
std::string_view checked_tail(std::string_view tail) {
    if (tail.size() != tail_size || tail[id_size] != '.') return {};
    const auto id = tail.substr(0, id_size);
    const bool good = std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    });
    return good ? tail : std::string_view{};
}

std::string_view tail_of_session(std::string_view token) {
    const auto mark = token.find('!');
    if (mark == std::string_view::npos || !is_org(token.substr(0, mark))) return {};
    return checked_tail(token.substr(mark + 1));
}

std::string_view tail_of_refresh(std::string_view token) {
    if (!token.starts_with(refresh_prefix)) return {};
    return checked_tail(token.substr(refresh_prefix.size()));
}

/// SDKs take word characters and dots in a token, and no dash.
std::string random_secret(Random& random) {
    auto text = random_text(random, secret_bytes);
    std::replace(text.begin(), text.end(), '-', '.');
    return text;
}

Error invalid_session() {
    return {Fault::denied, "invalid_session",
            "The session is missing, not valid, or over. Open a new gateway session."};
}

Error revoked() {
    return {Fault::conflict, "connection_revoked",
            "The connection is revoked. Its end user must connect again."};
}

bool over(const GrantRow& grant) {
    return grant.state == State::revoking || grant.state == State::revoked;
}

bool may_proxy(const ApiKeyRow& key) {
    const std::string_view proxy = name(Permission::proxy);
    return std::find(key.permissions.begin(), key.permissions.end(), proxy) !=
           key.permissions.end();
}

GatewaySession shown(const SessionRow& row) {
    GatewaySession session;
    session.id = row.id;
    session.connection = row.connection;
    session.key = row.key;
    session.renews = row.renews;
    session.created_at = row.created_at;
    session.expires_at = row.expires_at;
    return session;
}

}  // namespace

std::string_view session_in(std::string_view token) {
    return tail_of_session(token).substr(0, id_size);
}

Sessions::Sessions(SessionStore& store, GrantStore& grants, ApiKeyStore& api_keys, KeyGates& gates,
                   const KeyRing& keys, Random& random, Clock& clock, const SwitchBoard& switches)
    : store_(store),
      grants_(grants),
      api_keys_(api_keys),
      gates_(gates),
      keys_(keys),
      random_(random),
      clock_(clock),
      switches_(switches) {}

Task<NewSession> Sessions::open(SessionWish wish, Deadline by) {
    if (wish.ttl == 0s) wish.ttl = usual_ttl;
    if (wish.ttl < least_ttl || wish.ttl > most_ttl)
        co_return Error{Fault::bad_input, "invalid_ttl",
                        "A gateway session lasts 60 to 86400 seconds (ttl_s)."};
    auto grant = co_await grants_.find(wish.connection, by);
    if (!grant) co_return grant.error();
    if (over(*grant)) co_return revoked();
    if (auto stopped = switches_.stops(grant->provider)) co_return std::move(*stopped);

    SessionRow row;
    row.connection = wish.connection;
    row.epoch = grant->key.epoch;
    row.key = wish.key;
    std::optional<Secret> refresh_token;
    if (wish.refresh) {
        SessionRow renewing = row;
        renewing.id = SessionId{random_id(random_, id_size)};
        renewing.renews = true;
        renewing.created_at = clock_.wall();
        renewing.expires_at = renewing.created_at + refresh_ttl;
        std::string text = std::string{refresh_prefix} + renewing.id.text + ".";
        auto secret = random_secret(random_);
        text += secret;
        wipe(secret);
        refresh_token = Secret::take(std::move(text));
        auto hash = keys_.keyed_hash(session_purpose, *refresh_token);
        if (!hash) co_return hash.error();
        renewing.secret_hash = std::move(*hash);
        row.opened_by = renewing.id;
        const auto now = renewing.created_at;
        auto kept = co_await store_.insert(std::move(renewing), now, by);
        if (!kept) co_return kept.error();
    }
    auto made = co_await make(std::move(row), grant->org_id, wish.ttl, by);
    if (!made) co_return made.error();
    made->refresh_token = std::move(refresh_token);
    co_return made;
}

Task<NewSession> Sessions::make(SessionRow row, std::string org, std::chrono::seconds ttl,
                                Deadline by) {
    row.id = SessionId{random_id(random_, id_size)};
    row.created_at = clock_.wall();
    row.expires_at = row.created_at + ttl;
    std::string text = (is_org(org) ? org : std::string{no_org}) + "!" + row.id.text + ".";
    auto secret = random_secret(random_);
    text += secret;
    wipe(secret);
    NewSession made;
    made.access_token = Secret::take(std::move(text));
    made.session = shown(row);
    auto hash = keys_.keyed_hash(session_purpose, made.access_token);
    if (!hash) co_return hash.error();
    row.secret_hash = std::move(*hash);
    const auto now = row.created_at;
    auto kept = co_await store_.insert(std::move(row), now, by);
    if (!kept) co_return kept.error();
    co_return made;
}

Task<std::vector<GatewaySession>> Sessions::list(ConnectionId connection, Deadline by) {
    auto grant = co_await grants_.find(connection, by);
    if (!grant) co_return grant.error();
    auto rows = co_await store_.of(std::move(connection), by);
    if (!rows) co_return rows.error();
    const auto now = clock_.wall();
    std::vector<GatewaySession> sessions;
    for (const auto& row : *rows)
        if (row.expires_at > now && row.epoch == grant->key.epoch) sessions.push_back(shown(row));
    co_return sessions;
}

Task<void> Sessions::end(ConnectionId connection, SessionId id, Deadline by) {
    auto removed = co_await store_.remove(std::move(connection), std::move(id), by);
    co_return removed;
}

/// What cannot be a token costs the same hash, look-up and comparison as one that nobody has.
Task<SessionRow> Sessions::find(Secret token, bool renews, Deadline by) {
    const auto tail = renews ? tail_of_refresh(token.reveal()) : tail_of_session(token.reveal());
    const bool possible = !tail.empty();
    const SessionId id{possible ? std::string{tail.substr(0, id_size)} : std::string(id_size, '0')};
    auto hashed = keys_.keyed_hash(session_purpose, token);
    if (!hashed) co_return hashed.error();
    const Secret hash = Secret::take(std::move(*hashed));
    auto row = co_await store_.find(id, by);
    if (!row && row.error().fault != Fault::not_found) co_return row.error();
    const Secret kept{row ? row->secret_hash : std::string(hash.size(), '0')};
    const bool good = kept.same_as(hash) && possible && row.has_value() && row->renews == renews &&
                      row->expires_at > clock_.wall();
    if (!good) co_return invalid_session();
    co_return row;
}

/// Whether what it was opened on and with still stands.
Task<SessionCaller> Sessions::admit(SessionRow row, Deadline by) {
    auto key = co_await api_keys_.find(row.key, by);
    if (!key && key.error().fault != Fault::not_found) co_return key.error();
    if (!key || key->revoked_at || !may_proxy(*key)) co_return invalid_session();
    auto grant = co_await grants_.find(row.connection, by);
    if (!grant && grant.error().fault != Fault::not_found) co_return grant.error();
    if (!grant || grant->key.epoch != row.epoch || over(*grant)) co_return invalid_session();
    if (auto stopped = switches_.stops(grant->provider)) co_return std::move(*stopped);
    auto gate = gates_.of(row.key, key->rules);
    if (!gate) co_return gate.error();
    SessionCaller found;
    found.gate = std::move(*gate);
    found.session = row.id;
    found.connection = row.connection;
    found.key = row.key;
    found.expires_at = row.expires_at;
    co_return found;
}

Task<SessionCaller> Sessions::check(Secret presented, Deadline by) {
    auto row = co_await find(std::move(presented), false, by);
    if (!row) co_return row.error();
    auto found = co_await admit(std::move(*row), by);
    co_return found;
}

Task<NewSession> Sessions::renew(Secret refresh_token, Deadline by) {
    auto row = co_await find(std::move(refresh_token), true, by);
    if (!row) co_return row.error();
    auto good = co_await admit(*row, by);
    if (!good) co_return good.error();
    auto grant = co_await grants_.find(row->connection, by);
    if (!grant) co_return grant.error();
    const auto left = row->expires_at - clock_.wall();
    SessionRow next;
    next.connection = row->connection;
    next.epoch = row->epoch;
    next.key = row->key;
    next.opened_by = row->id;
    auto made = co_await make(std::move(next), grant->org_id, std::min(usual_ttl, left), by);
    co_return made;
}

Task<GatewaySession> Sessions::end(Secret token, Deadline by) {
    const bool renews = token.reveal().starts_with(refresh_prefix);
    auto row = co_await find(std::move(token), renews, by);
    if (!row) co_return row.error();
    auto removed = co_await store_.remove(row->connection, row->id, by);
    if (!removed && removed.error().fault == Fault::not_found) co_return invalid_session();
    if (!removed) co_return removed.error();
    co_return shown(*row);
}

}  // namespace latchkey
