#include "facade/relay_memory.h"

#include <algorithm>
#include <utility>

#include "access/sessions.h"
#include "facade/impl.h"
#include "gateway/replay.h"

// What a loop remembers, and how it asks the library for what it does not.
namespace latchkey {

namespace {

constexpr std::chrono::seconds remembered_for{5};
constexpr std::size_t most_targets = 20'000;
constexpr std::size_t most_keys = 2'000;
constexpr std::chrono::seconds session_remembered_for{1};
constexpr std::size_t most_known_sessions = 10'000;
constexpr std::string_view key_prefix = "lk_";
constexpr std::size_t key_id_size = 12;

/// What a key is remembered by; nothing secret is in it.
std::string_view id_in(std::string_view key) {
    if (!key.starts_with(key_prefix) || key.size() < key_prefix.size() + key_id_size) return {};
    return key.substr(key_prefix.size(), key_id_size);
}

/// What a target with the Bulk API's line is remembered by, beside the one without.
std::string with_session_line(std::string_view connection) {
    return std::string{connection} + "+";
}

/// The time it takes depends on the lengths alone. A Secret of `b` would be a copy for each call.
bool same_bytes(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned char differ = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        differ = static_cast<unsigned char>(differ | (a[i] ^ b[i]));
    }
    return differ == 0;
}

}  // namespace

const Caller* RelayDesk::recall_key(std::string_view key) {
    const auto found = keys_.find(id_in(key));
    if (found == keys_.end()) return nullptr;
    const auto& known = found->second;
    if (known.change != house().ground().changes.of_keys() || clock_.steady() >= known.until) {
        keys_.erase(found);
        return nullptr;
    }
    // In constant time: a wrong secret for a key in use learns nothing from how long it takes.
    if (!same_bytes(known.key.reveal(), key)) return nullptr;
    return &known.caller;
}

Task<Caller> RelayDesk::ask_key(Secret key) {
    const auto change = house().ground().changes.of_keys();
    Secret asked = key;
    auto caller =
        co_await library_.async_check_api_key(std::move(asked), Deadline::in(relay_patience));
    if (!caller) co_return caller.error();
    if (keys_.size() >= most_keys) keys_.clear();
    KnownKey known;
    known.caller = *caller;
    known.until = clock_.steady() + remembered_for;
    known.change = change;
    known.key = std::move(key);
    const std::string id{id_in(known.key.reveal())};
    keys_.insert_or_assign(id, std::move(known));
    co_return caller;
}

const SessionCaller* RelayDesk::recall_session(std::string_view token) {
    const auto found = sessions_.find(session_in(token));
    if (found == sessions_.end()) return nullptr;
    const auto& known = found->second;
    const auto& changes = house().ground().changes;
    if (known.keys_change != changes.of_keys() ||
        known.change != changes.of(known.caller.connection) || clock_.steady() >= known.until) {
        sessions_.erase(found);
        return nullptr;
    }
    if (!same_bytes(known.token.reveal(), token)) return nullptr;
    return &known.caller;
}

Task<SessionCaller> RelayDesk::ask_session(Secret token) {
    auto& changes = house().ground().changes;
    const auto keys_change = changes.of_keys();
    Secret asked = token;
    auto caller = co_await session_desk_.check(std::move(asked), Deadline::in(relay_patience));
    if (!caller) co_return caller.error();
    const auto left = caller->expires_at - clock_.wall();
    if (sessions_.size() >= most_known_sessions) sessions_.clear();
    KnownSession known;
    known.caller = *caller;
    known.until = clock_.steady() + std::min(session_remembered_for, left);
    known.keys_change = keys_change;
    known.change = changes.of(caller->connection);
    const std::string id = caller->session.text;
    known.token = std::move(token);
    sessions_.insert_or_assign(id, std::move(known));
    co_return caller;
}

RelayDesk::Target RelayDesk::recall_target(std::string_view connection, bool session_line) {
    const auto found =
        session_line ? targets_.find(with_session_line(connection)) : targets_.find(connection);
    if (found == targets_.end()) return nullptr;
    const auto& known = *found->second;
    if (known.change != house().ground().changes.of(known.connection) ||
        clock_.steady() >= known.until) {
        targets_.erase(found);
        return nullptr;
    }
    return found->second;
}

std::shared_ptr<VendedToken> RelayDesk::recall_token(std::string_view connection) {
    const auto found = tokens_.find(connection);
    if (found == tokens_.end()) return nullptr;
    const auto& known = found->second;
    if (known.change != house().ground().changes.of(connection) || clock_.steady() >= known.until) {
        tokens_.erase(found);
        return nullptr;
    }
    return known.vended;
}

Task<std::shared_ptr<VendedToken>> RelayDesk::ask_token(ConnectionId connection, TokenDemand demand,
                                                        Remembering keeping) {
    const auto change = house().ground().changes.of(connection);
    auto token = co_await library_.async_token(connection, demand, Deadline::in(relay_patience));
    if (!token) co_return token.error();
    KnownToken known;
    known.change = change;
    known.until = remembered_until(*token, demand);
    known.vended = std::make_shared<VendedToken>();
    known.vended->token = std::move(*token);
    auto vended = known.vended;
    if (keeping == Remembering::no) co_return vended;
    if (tokens_.size() >= most_targets) tokens_.clear();
    tokens_.insert_or_assign(connection.text, std::move(known));
    co_return vended;
}

SteadyTime RelayDesk::remembered_until(const AccessToken& token, const TokenDemand& demand) const {
    const auto now = clock_.steady();
    if (!token.expires_at) return now + remembered_for;
    const auto left = *token.expires_at - clock_.wall() - demand.valid_for;
    return std::min<SteadyTime>(now + remembered_for,
                                now + std::max<WallTime::duration>(left, std::chrono::seconds{0}));
}

Task<RelayDesk::Target> RelayDesk::ask_target(ConnectionId connection, TokenDemand demand,
                                              bool session_line) {
    const auto change = house().ground().changes.of(connection);
    auto token = co_await library_.async_token(connection, demand, Deadline::in(relay_patience));
    if (!token) co_return token.error();
    auto instance = instance_of(*token);
    if (!instance) co_return instance.error();

    auto made = std::make_shared<Connected>();
    std::string lines = "Host: " + instance->authority() + "\r\nAuthorization: Bearer ";
    lines.append(token->token.reveal()).append("\r\n");
    if (session_line) lines.append("X-SFDC-Session: ").append(token->token.reveal()).append("\r\n");
    made->lines = Secret::take(std::move(lines));
    made->to = std::move(*instance);
    made->generation = token->generation;
    made->org = house().ground().budgets.of(org_of(*token));
    made->change = change;
    made->until = remembered_until(*token, demand);
    made->connection = connection;
    made->session_line = session_line;
    if (targets_.size() >= most_targets) targets_.clear();
    targets_.insert_or_assign(session_line ? with_session_line(connection.text) : connection.text,
                              made);
    Target target = std::move(made);
    co_return target;
}

}  // namespace latchkey
