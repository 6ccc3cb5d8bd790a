#include "facade/relay_desk.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "access/key_gate.h"
#include "access/sessions.h"
#include "base/text.h"
#include "facade/acts.h"
#include "facade/carried_desk.h"
#include "facade/impl.h"
#include "gateway/header_rules.h"
#include "gateway/org_budget.h"
#include "gateway/path_rules.h"
#include "gateway/replay.h"

namespace latchkey {

namespace {

constexpr std::chrono::seconds remembered_for{5};
constexpr std::chrono::seconds patience{60};
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

struct RelayDesk::Connected : RelayTarget {
    ConnectionId connection;
    std::shared_ptr<OrgBudget> org;
    Generation generation;
    SteadyTime until;
    std::uint32_t change = 0;
    bool session_line = false;
};

struct RelayDesk::KnownKey {
    Secret key;
    Caller caller;
    SteadyTime until;
    std::uint32_t change = 0;
};

struct RelayDesk::KnownSession {
    Secret token;
    SessionCaller caller;
    SteadyTime until;
    std::uint32_t keys_change = 0;
    std::uint32_t change = 0;
};

struct RelayDesk::KnownToken {
    std::shared_ptr<VendedToken> vended;
    SteadyTime until;
    std::uint32_t change = 0;
};

RelayDesk::RelayDesk(Latchkey& library)
    : library_(library), clock_(house().ground().clock), session_desk_(library) {}
RelayDesk::~RelayDesk() = default;

House& RelayDesk::house() const {
    return *library_.impl_->house;
}

std::shared_ptr<House> RelayDesk::house_of(Latchkey& library) {
    return library.impl_->house;
}

const NetOptions& RelayDesk::net_options(Latchkey& library) {
    return library.impl_->house->ground().net;
}

Clock& RelayDesk::clock(Latchkey& library) {
    return library.impl_->house->ground().clock;
}

Result<void> RelayDesk::check_call(std::string_view method, std::string_view path) {
    auto good = check_method(method);
    if (!good) return good;
    return check_target(path);
}

bool RelayDesk::session_line_for(std::string_view path) {
    return wants_session_line(path);
}

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
    auto caller = co_await library_.async_check_api_key(std::move(asked), Deadline::in(patience));
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
    auto caller = co_await session_desk_.check(std::move(asked), Deadline::in(patience));
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
    auto token = co_await library_.async_token(connection, demand, Deadline::in(patience));
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
    auto token = co_await library_.async_token(connection, demand, Deadline::in(patience));
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

Result<RelayDesk::Admission> RelayDesk::admit(const std::shared_ptr<KeyGate>& gate,
                                              std::string_view method,
                                              std::string_view path) const {
    auto& refusals = house().ground().refusals;
    auto allowed = gate->judge(method, path);
    if (!allowed) {
        refusals.note(allowed.error().code);
        return allowed.error();
    }
    auto place = KeyGate::enter(gate, clock_.steady());
    if (!place) {
        refusals.note(place.error().code);
        return place.error();
    }
    if (!allowed->carrier) return Admission{std::move(*place)};
    auto call = std::make_shared<CarrierCall>();
    call->place = std::move(*place);
    call->gate = gate;
    call->judged = std::move(*allowed);
    return Admission{std::move(call), true};
}

std::optional<Reply> RelayDesk::look_inside(const RequestHead& head, const RelayPass& pass,
                                            std::optional<std::string_view> body) const {
    const auto& call = *static_cast<const CarrierCall*>(pass.held.get());
    const auto good = judge_carried(call, head.lines, pass.path, body);
    if (good) return std::nullopt;
    house().ground().refusals.note(good.error().code);
    return error_answer(good.error(), pass.request_id, pass.form);
}

Result<HeldPlace> RelayDesk::admit_token(const std::shared_ptr<KeyGate>& gate) const {
    return admit_vend(library_, gate);
}

Result<void> RelayDesk::admit_to_org(const RelayTarget& target, const KeyGate* gate) const {
    auto& org = *static_cast<const Connected&>(target).org;
    if (!org.scarce()) return {};
    const auto priority = gate == nullptr ? Priority::normal : gate->rules().priority;
    auto spared = org.admit(priority, clock_.steady());
    if (!spared) house().ground().refusals.note(spared.error().code);
    return spared;
}

void RelayDesk::append_up(const RequestHead& head, std::string& out) const {
    append_lines_up(head.lines, out);
}

void RelayDesk::append_down(const AnswerHead& head, const RelayPass& pass, std::string& out) const {
    for (const auto& line : head.lines) {
        if (line.name.size() == limit_info_line.size() && ascii_iequal(line.name, limit_info_line))
            static_cast<const Connected&>(*pass.target).org->learn(line.value, clock_);
    }
    append_lines_down(head.lines, pass.target->to, out);
    append_relay_marks(out);
    out.append("Latchkey-Request-Id: ").append(pass.request_id).append("\r\n");
}

bool RelayDesk::may_refuse_lines(int status) const {
    return may_mean_dead_session(status);
}

bool RelayDesk::refuses_lines(const AnswerHead& head, std::string_view body) const {
    std::string_view type;
    for (const auto& line : head.lines) {
        if (ascii_iequal(line.name, "Content-Type")) type = line.value;
    }
    return means_dead_session(head.status, type, body);
}

/// On the house's loop: the library's log is heard there alone.
void RelayDesk::log_repeat(const ConnectionId& connection, Generation generation) const {
    auto house = library_.impl_->house;
    boost::asio::post(house->loop(), [house, connection, generation] {
        house->ground().log.write(Level::info, "call_repeated",
                                  {{"connection", connection.text},
                                   {"generation", static_cast<std::int64_t>(generation.value)}});
    });
}

Async<RelayVerdict> RelayDesk::renew(RelayPass refused) {
    const auto& old = static_cast<const Connected&>(*refused.target);
    // Whoever met the same refusal before on this loop has asked already.
    auto target = recall_target(old.connection.text, old.session_line);
    if (!target || static_cast<const Connected&>(*target).generation <= old.generation) {
        const TokenDemand newer = TokenDemand::newer(old.generation);
        auto asked = co_await ask_target(old.connection, newer, old.session_line);
        if (!asked && keeps_first_answer(asked.error())) co_return RelayKeepAnswer{};
        if (!asked) {
            // Its standing may be another one now, and then no loop is to use the old token.
            house().ground().changes.note(old.connection);
            co_return error_answer(asked.error(), refused.request_id, refused.form);
        }
        target = std::move(*asked);
    }
    const auto& next = static_cast<const Connected&>(*target);
    if (next.generation <= old.generation) co_return RelayKeepAnswer{};
    log_repeat(old.connection, next.generation);
    refused.target = std::move(target);
    co_return refused;
}

Async<void> RelayDesk::renew_alone(std::shared_ptr<House> house, ConnectionId connection,
                                   Generation refused) {
    const House::Presence counted{*house};
    const TokenDemand newer = TokenDemand::newer(refused);
    try {
        co_await acts::token(*house, connection, newer, Deadline::in(patience));
    } catch (const std::exception& thrown) {
        house->bug(thrown.what());
    }
    house->ground().changes.note(connection);
}

void RelayDesk::renew_later(const RelayPass& refused) {
    const auto& old = static_cast<const Connected&>(*refused.target);
    auto house = library_.impl_->house;
    boost::asio::co_spawn(house->loop(), renew_alone(house, old.connection, old.generation),
                          boost::asio::detached);
}

Reply RelayDesk::failed(const Error& error, const RelayPass& pass) const {
    return error_answer(call_failed(error), pass.request_id, pass.form);
}

}  // namespace latchkey
